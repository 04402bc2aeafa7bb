import pytest

from generator.traffic.languages import foreign, language_note, language_of

ENGLISH = ["where is my order", "i want to send this back", "refund", "PO approval limit", "thx", "can you help me pls"]
GERMAN = ["wo ist mein paket", "ich möchte das zurückgeben, wie geht das", "könnt ihr mir sagen wann es kommt"]
FRENCH = [
    "où est ma commande s'il vous plaît",
    "je voudrais être remboursé pour cet achat",
    "comment puis-je vous joindre",
]


@pytest.mark.parametrize("text", ENGLISH)
def test_english_and_texts_too_short_to_tell_are_not_foreign(text):
    assert language_of(text) is None


@pytest.mark.parametrize(("texts", "language"), [(GERMAN, "German"), (FRENCH, "French")])
def test_languages_in_latin_letters_are_known_by_their_function_words(texts, language):
    assert [language_of(text) for text in texts] == [language] * len(texts)


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("注文した商品はどこにありますか？", "Japanese"),
        ("Tシャツの返品 order", "Japanese"),
        ("我的订单在哪里", "Chinese"),
        ("내 주문은 어디에 있나요", "Korean"),
        ("أين طلبي من فضلك", "Arabic script"),
        ("где мой заказ", "Cyrillic script"),
        ("मेरा ऑर्डर कहाँ है", "Devanagari script"),
        ("ｗｈｅｒｅ　ｉｓ　ｍｙ　ｏｒｄｅｒ", None),
        ("𝘄𝗵𝗲𝗿𝗲 𝗶𝘀 𝗺𝘆 𝗼𝗿𝗱𝗲𝗿", None),
    ],
)
def test_scripts_are_known_by_their_letters(text, language):
    assert language_of(text) == language


@pytest.mark.parametrize(
    "text",
    [
        "",
        "👍👍👍 🇩🇪🇫🇷",
        "https://example.org/wo/ist/mein/paket?der=die&das=und",
        "⟦EMAIL-1⟧ @wo_ist_mein ⟦PHONE-2⟧",
        "404 !!! ???",
        "def f(x):\n    return [y for y in x if y is not None]",
        "SELECT a.id, b.name FROM a JOIN b ON a.id = b.id WHERE b.name IN ('de', 'la') ORDER BY 1;",
        "for (int i = 0; i < n; i++) { sum += v[i]; } // todo",
        "TypeError: cannot read properties of undefined (reading 'map') at index.js:14:3",
    ],
)
def test_code_links_placeholders_and_emoji_are_no_language(text):
    assert language_of(text) is None


def test_shares_count_requests_and_a_sample_stands_for_many():
    texts = [f"{text} {number}" for number in range(4000) for text in (ENGLISH[0], GERMAN[0], FRENCH[0])]
    found = foreign(texts, [1, 2, 1] * 4000)
    assert found.share == pytest.approx(0.75, abs=0.03)
    assert dict(found.languages) == pytest.approx({"German": 0.5, "French": 0.25}, abs=0.03)


def test_no_traffic_is_not_foreign():
    assert foreign([], []).share == 0


@pytest.mark.parametrize("encoder", ["minilm", "lexical (TF-IDF)"])
def test_a_substantial_part_in_other_languages_is_told_with_a_remedy(encoder):
    texts = ENGLISH * 10 + GERMAN * 4 + FRENCH
    note = language_note(texts, [1] * len(texts), encoder)
    assert note is not None
    assert "at least 20 %" in note
    assert "German 16 %, French 4 %" in note
    assert "--encoder paraphrase-multilingual-MiniLM-L12-v2" in note
    assert "\n" not in note


def test_a_few_foreign_texts_and_other_encoders_are_not_told():
    texts = ENGLISH * 10 + GERMAN
    assert language_note(texts, [1] * len(texts), "minilm") is None
    assert language_note(GERMAN, [1] * len(GERMAN), "intfloat/multilingual-e5-small") is None

"""What people accepted goes out: queue, selection, exports."""

"""What production sends: vectors, cells, clusters, coverage."""

"""Search for people: challenges, companies and capabilities by words and meaning."""

"""Demo data cut from open sources by services.demo.build_data; attribution in NOTICE."""

"""What the scenarios for Locust are made of; nothing here imports Locust."""

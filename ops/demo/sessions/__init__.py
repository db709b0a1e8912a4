"""The stories of the demo, one file for each person who lives them."""

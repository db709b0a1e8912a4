"""Does what is recorded keep its promises? Read with readers of its own."""

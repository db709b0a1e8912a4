"""The event store on Postgres, the lowest IO layer."""

-- The same views as in schema "read", for who is shown less: the rows of the accounts that the session names, rows
-- without text, and both. The views themselves come with the projections (projections/read_models/narrowing.py).
CREATE SCHEMA read_accounts;
CREATE SCHEMA read_numbers;
CREATE SCHEMA read_accounts_numbers;

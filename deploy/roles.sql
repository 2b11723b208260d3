-- Once, as a superuser, in the product's database. Choose your own passwords.
CREATE ROLE loyalty_owner LOGIN PASSWORD 'change me' CREATEROLE;
CREATE ROLE loyalty_sweep NOLOGIN;
CREATE ROLE loyalty_app LOGIN NOINHERIT PASSWORD 'change me too';
GRANT loyalty_sweep TO loyalty_app WITH INHERIT FALSE, SET TRUE;
-- Dumps need every store's rows, which row-level security hides from all the others.
CREATE ROLE loyalty_backup LOGIN BYPASSRLS PASSWORD 'change me as well';
GRANT pg_read_all_data TO loyalty_backup;
ALTER SCHEMA public OWNER TO loyalty_owner;
GRANT USAGE ON SCHEMA public TO loyalty_app, loyalty_sweep;
ALTER DEFAULT PRIVILEGES FOR ROLE loyalty_owner IN SCHEMA public GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO loyalty_app;
ALTER DEFAULT PRIVILEGES FOR ROLE loyalty_owner IN SCHEMA public GRANT USAGE, SELECT ON SEQUENCES TO loyalty_app;

-- The dashboard reads in a role of its own, which may SELECT what it shows and nothing else. ops/db/dashboard_role.py
-- says who takes it and when.
--
-- Roles belong to the whole server, so the name is that of the tables' owner with "_dashboard": the owner of another
-- Nexus on the same server has another one, and neither reads what the other recorded.
CREATE FUNCTION nexus_dashboard_role() RETURNS name
    LANGUAGE sql
    STABLE
    AS $$
    SELECT (left(pg_get_userbyid(relowner), 53) || '_dashboard')::name FROM pg_class
    WHERE oid = 'public.nexus_events'::regclass
$$;

-- Make the role and let it read, as far as whoever calls may do that; what he may not is left for somebody who may.
-- Called again, it makes up for what is missing. A role of that name that can log in is somebody else's.
CREATE FUNCTION nexus_admit_dashboard() RETURNS void
    LANGUAGE plpgsql
    AS $$
DECLARE
    reader name := nexus_dashboard_role();
    owner name := (SELECT pg_get_userbyid(relowner) FROM pg_class WHERE oid = 'public.nexus_events'::regclass);
    schemas text := 'read, read_accounts, read_numbers, read_accounts_numbers';
BEGIN
    BEGIN
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = reader) THEN
            EXECUTE format('CREATE ROLE %I NOLOGIN', reader);
        END IF;
    EXCEPTION
        -- Not ours to make; or made in this moment from another database.
        WHEN insufficient_privilege OR duplicate_object OR unique_violation THEN NULL;
    END;
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = reader AND NOT rolcanlogin AND NOT rolsuper) THEN
        RETURN;
    END IF;
    BEGIN
        IF NOT pg_has_role(owner, reader, 'USAGE') THEN
            EXECUTE format('GRANT %I TO %I', reader, owner);
        END IF;
    EXCEPTION
        -- As above; internal_error: "tuple concurrently updated".
        WHEN insufficient_privilege OR duplicate_object OR unique_violation OR internal_error THEN NULL;
    END;
    BEGIN
        IF NOT has_schema_privilege(reader, 'public', 'USAGE') THEN
            EXECUTE format('GRANT USAGE ON SCHEMA public TO %I', reader);
        END IF;
        EXECUTE format('GRANT USAGE ON SCHEMA %s TO %I', schemas, reader);
        EXECUTE format(
            'GRANT SELECT ON public.nexus_events, public.event_seals, public.scopes, public.parts, public.chunks, '
            'public.projections, public.nexus_tracking TO %I', reader);
        EXECUTE format('GRANT SELECT ON ALL TABLES IN SCHEMA %s TO %I', schemas, reader);
        -- Views of builds that are switched to later.
        EXECUTE format('ALTER DEFAULT PRIVILEGES FOR ROLE %I IN SCHEMA %s GRANT SELECT ON TABLES TO %I',
            owner, schemas, reader);
    EXCEPTION
        WHEN insufficient_privilege THEN NULL;  -- the tables are another's
    END;
END
$$;

SELECT nexus_admit_dashboard();

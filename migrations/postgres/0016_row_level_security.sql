-- The second layer between tenants. The program compares tenants itself; where it forgets to, these policies
-- show and change nothing of another tenant's. They bind the owner of the tables too, but no superuser and no
-- role with BYPASSRLS.
--
-- A session says for whom it works, each time its connection is lent:
--   onsale.scope      'installation': everything; 'caller': what is public, and what is of
--                     onsale.tenant_id or of onsale.user_id; anything else, or nothing: nothing.
-- By hand: SET onsale.scope = 'installation'.

-- The path of the functions below, see 0015.
SELECT set_config('search_path', quote_ident(current_schema()) || ', pg_temp', false);

-- All at once and in the order in which a projection uses them, because each is kept from everyone until the
-- migration ends: one that is not had within moments lets go of all of them, and the migration begins again.
DO $locks$
BEGIN
    LOCK TABLE bookings, booking_seats, blocked_seats, blocked_quantities, shows, zones, show_changes, events,
        event_changes, organizer_usage, tenants, memberships, sessions, one_time_tokens, api_keys, ONLY audit,
        audit_links, audit_chains IN ACCESS EXCLUSIVE MODE;
END
$locks$;

-- Nodes of the version before know of no scope. While nodes are upgraded one at a time they go on with all
-- they see; this version always says one. (Sessions of other programs have another name and see nothing.)
CREATE OR REPLACE FUNCTION onsale_scope() RETURNS text STABLE PARALLEL SAFE
    RETURN coalesce(
        current_setting('onsale.scope', true),
        CASE current_setting('application_name') WHEN 'onsale' THEN 'installation' ELSE '' END
    );
CREATE OR REPLACE FUNCTION onsale_is_caller() RETURNS boolean STABLE PARALLEL SAFE
    RETURN onsale_scope() = 'caller';
-- NULL is equal to nothing.
CREATE OR REPLACE FUNCTION onsale_tenant() RETURNS uuid STABLE PARALLEL SAFE
    RETURN CASE WHEN onsale_is_caller()
        THEN nullif(current_setting('onsale.tenant_id', true), '')::uuid ELSE NULL END;
CREATE OR REPLACE FUNCTION onsale_user() RETURNS uuid STABLE PARALLEL SAFE
    RETURN CASE WHEN onsale_is_caller()
        THEN nullif(current_setting('onsale.user_id', true), '')::uuid ELSE NULL END;
-- 'all' or 'some'. What it is compared with by <> is expected to hold for nearly every row, so that
-- statements of the whole installation are planned as they were without policies. (A boolean is expected to
-- hold for half of the rows, and the projector's batches went from 0.1 s to 10 s by that.)
CREATE OR REPLACE FUNCTION onsale_reach() RETURNS text STABLE PARALLEL SAFE
    RETURN CASE onsale_scope() WHEN 'installation' THEN 'all' ELSE 'some' END;

-- What belongs to an event or a show is seen with it. Each looks at the primary key under the policies of the
-- table that it reads. (As sub-selects in the policies they would be planned anew, one within the other, with
-- every statement.)
CREATE OR REPLACE FUNCTION onsale_sees_event(id uuid) RETURNS boolean LANGUAGE plpgsql
    STABLE PARALLEL SAFE SET search_path FROM CURRENT AS $$
BEGIN
    RETURN EXISTS (SELECT FROM events AS e WHERE e.event_id = id);
END
$$;
CREATE OR REPLACE FUNCTION onsale_owns_event(id uuid) RETURNS boolean LANGUAGE plpgsql
    STABLE PARALLEL SAFE SET search_path FROM CURRENT AS $$
BEGIN
    RETURN EXISTS (SELECT FROM events AS e WHERE e.event_id = id AND e.tenant_id = onsale_tenant());
END
$$;
CREATE OR REPLACE FUNCTION onsale_sees_show(id uuid) RETURNS boolean LANGUAGE plpgsql
    STABLE PARALLEL SAFE SET search_path FROM CURRENT AS $$
BEGIN
    RETURN EXISTS (SELECT FROM shows AS s WHERE s.show_id = id);
END
$$;
CREATE OR REPLACE FUNCTION onsale_owns_show(id uuid) RETURNS boolean LANGUAGE plpgsql
    STABLE PARALLEL SAFE SET search_path FROM CURRENT AS $$
BEGIN
    RETURN EXISTS (SELECT FROM shows AS s WHERE s.show_id = id AND onsale_owns_event(s.event_id));
END
$$;

-- A purchase without an account is seen by the account that has taken it over. (The table comes with 0019; no
-- caller reads before.)
CREATE OR REPLACE FUNCTION onsale_owns_guest(id uuid) RETURNS boolean LANGUAGE plpgsql
    STABLE PARALLEL SAFE SET search_path FROM CURRENT AS $$
BEGIN
    RETURN EXISTS (SELECT FROM guests AS g WHERE g.guest_id = id AND g.owner_id = onsale_user());
END
$$;

-- Isolates a table. A caller reads and changes the rows that are `owned`; where `seen` is given, that says
-- which it reads instead; `added` says which it adds, where those are others than it may change. Functions
-- without an argument stand in a sub-select each, so that they run once for a statement and not for each row.
-- A later migration that adds a table with a tenant_id adds one line:
--   SELECT onsale_isolate('its_name');
CREATE OR REPLACE FUNCTION onsale_isolate(
    isolated regclass,
    owned text DEFAULT 'tenant_id = (SELECT onsale_tenant())',
    seen text DEFAULT NULL,
    added text DEFAULT NULL
) RETURNS void LANGUAGE plpgsql SET client_min_messages = 'warning' AS $$
DECLARE
    everything CONSTANT text := '(SELECT onsale_reach()) <> ''some'' OR ';
    policy text;
BEGIN
    EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', isolated);
    FOREACH policy IN ARRAY ARRAY['reads', 'adds', 'changes', 'deletes'] LOOP
        EXECUTE format('DROP POLICY IF EXISTS %I ON %s', policy, isolated);
    END LOOP;
    EXECUTE format('CREATE POLICY reads ON %s FOR SELECT USING (%s)',
        isolated, everything || coalesce(seen, owned));
    EXECUTE format('CREATE POLICY adds ON %s FOR INSERT WITH CHECK (%s)',
        isolated, everything || coalesce(added, owned));
    EXECUTE format('CREATE POLICY changes ON %s FOR UPDATE USING (%s)', isolated, everything || owned);
    EXECUTE format('CREATE POLICY deletes ON %s FOR DELETE USING (%s)', isolated, everything || owned);
END
$$;

-- The catalog: all but drafts is public.
SELECT onsale_isolate('events',
    seen => $$(SELECT onsale_is_caller()) AND status <> 'draft' OR tenant_id = (SELECT onsale_tenant())$$);
SELECT onsale_isolate('organizer_usage');
SELECT onsale_isolate('shows', 'onsale_owns_event(event_id)', seen => 'onsale_sees_event(event_id)');
SELECT onsale_isolate('zones', 'onsale_owns_show(show_id)', seen => 'onsale_sees_show(show_id)');
SELECT onsale_isolate('event_changes', 'onsale_owns_event(event_id)');
SELECT onsale_isolate('show_changes', 'onsale_owns_show(show_id)');

-- The projection: no caller changes it. A booking is seen by its buyer, by the tenant of its event and by who
-- has taken its guest over; which
-- places are taken, by all who see the show.
SELECT onsale_isolate('bookings', 'false',
    seen => 'user_id = (SELECT onsale_user()) OR onsale_owns_event(event_id) OR onsale_owns_guest(user_id)');
SELECT onsale_isolate('booking_seats', 'false', seen => 'onsale_sees_show(show_id)');
SELECT onsale_isolate('blocked_seats', 'false', seen => 'onsale_sees_show(show_id)');
SELECT onsale_isolate('blocked_quantities', 'false', seen => 'onsale_sees_show(show_id)');

-- People and what they belong to. An account is nobody's but its person's; a session and a link are the
-- person's too, and a tenant's where they name one.
SELECT onsale_isolate('tenants');
SELECT onsale_isolate('memberships',
    seen => 'tenant_id = (SELECT onsale_tenant()) OR user_id = (SELECT onsale_user())');
SELECT onsale_isolate('sessions',
    'tenant_id = (SELECT onsale_tenant()) OR user_id = (SELECT onsale_user())');
SELECT onsale_isolate('one_time_tokens',
    'tenant_id = (SELECT onsale_tenant()) OR user_id = (SELECT onsale_user())');
SELECT onsale_isolate('api_keys');

-- Everyone leaves entries about what is no tenant's, and reads those of its own alone.
SELECT onsale_isolate('audit',
    added => 'tenant_id = (SELECT onsale_tenant()) OR tenant_id IS NULL AND (SELECT onsale_is_caller())');
-- The chains of both: that of what is no tenant's has the greatest UUID. Who adds a link moves its chain on.
SELECT onsale_isolate('audit_links',
    added => $$tenant_id = (SELECT onsale_tenant())
        OR tenant_id = 'ffffffff-ffff-ffff-ffff-ffffffffffff' AND (SELECT onsale_is_caller())$$);
SELECT onsale_isolate('audit_chains', $$tenant_id = (SELECT onsale_tenant())
    OR tenant_id = 'ffffffff-ffff-ffff-ffff-ffffffffffff' AND (SELECT onsale_is_caller())$$);

-- What a quote asks of a show's orders, as sums: however many orders there are, it reads a few rows. Each sum is kept in
-- parts, by the offset of the booking, because a projection counts many orders of one show in one transaction, and each
-- change of a row has to pass all that the transaction made of it before.

-- Within the path that 0016 says.
SELECT set_config('search_path', quote_ident(current_schema()) || ', pg_temp', false);

-- In the order in which a projection uses them, see 0016.
DO $locks$
BEGIN
    LOCK TABLE bookings, order_phases, order_codes, codes IN SHARE ROW EXCLUSIVE MODE;
END
$locks$;

CREATE TABLE phase_places (
    show_id uuid NOT NULL,
    phase smallint NOT NULL,
    part smallint NOT NULL CHECK (part BETWEEN 0 AND 15),
    places bigint NOT NULL,
    PRIMARY KEY (show_id, phase, part)
);
SELECT onsale_isolate('phase_places', 'false', seen => 'onsale_sees_show(show_id)');

-- Live bookings with a code as it is now: those from before it was created again are no uses of it.
CREATE TABLE code_uses (
    show_id uuid NOT NULL,
    code uuid NOT NULL,
    part smallint NOT NULL CHECK (part BETWEEN 0 AND 15),
    uses bigint NOT NULL,
    PRIMARY KEY (show_id, code, part)
);
-- As order_codes. First by the code, which is quick, so that its tenant lists thousands without asking for each whose
-- its show is.
SELECT onsale_isolate('code_uses', 'false', seen =>
    'EXISTS (SELECT FROM codes c WHERE c.code_hash = code_uses.code) OR onsale_sees_show(show_id)');

CREATE OR REPLACE FUNCTION onsale_sum_places() RETURNS trigger LANGUAGE plpgsql
SET search_path FROM CURRENT AS $$
BEGIN
    IF TG_OP <> 'INSERT' THEN
        UPDATE phase_places AS s SET places = s.places - OLD.places
            WHERE s.show_id = OLD.show_id AND s.phase = OLD.phase AND s.part = OLD.booking_offset % 16;
    END IF;
    IF TG_OP <> 'DELETE' THEN
        INSERT INTO phase_places AS s (show_id, phase, part, places)
            VALUES (NEW.show_id, NEW.phase, NEW.booking_offset % 16, NEW.places)
            ON CONFLICT (show_id, phase, part) DO UPDATE SET places = s.places + excluded.places;
    ELSE
        DELETE FROM phase_places AS s WHERE s.show_id = OLD.show_id AND s.phase = OLD.phase
            AND s.part = OLD.booking_offset % 16 AND s.places <= 0;
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER places_are_summed AFTER INSERT OR UPDATE OR DELETE ON order_phases
    FOR EACH ROW EXECUTE FUNCTION onsale_sum_places();

CREATE OR REPLACE FUNCTION onsale_sum_uses() RETURNS trigger LANGUAGE plpgsql
SET search_path FROM CURRENT AS $$
BEGIN
    IF TG_OP <> 'INSERT' AND OLD.booking_offset >
        coalesce((SELECT c.created_offset FROM codes AS c WHERE c.code_hash = OLD.code), -1)
    THEN
        UPDATE code_uses AS s SET uses = s.uses - 1
            WHERE s.show_id = OLD.show_id AND s.code = OLD.code AND s.part = OLD.booking_offset % 16;
    END IF;
    IF TG_OP <> 'DELETE' THEN
        IF NEW.booking_offset >
            coalesce((SELECT c.created_offset FROM codes AS c WHERE c.code_hash = NEW.code), -1)
        THEN
            INSERT INTO code_uses AS s (show_id, code, part, uses)
                VALUES (NEW.show_id, NEW.code, NEW.booking_offset % 16, 1)
                ON CONFLICT (show_id, code, part) DO UPDATE SET uses = s.uses + 1;
        END IF;
    ELSE
        DELETE FROM code_uses AS s WHERE s.show_id = OLD.show_id AND s.code = OLD.code
            AND s.part = OLD.booking_offset % 16 AND s.uses <= 0;
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER uses_are_summed AFTER INSERT OR UPDATE OR DELETE ON order_codes
    FOR EACH ROW EXECUTE FUNCTION onsale_sum_uses();

-- A code that is created, or created again, is counted by the bookings from then on.
CREATE OR REPLACE FUNCTION onsale_count_uses_anew() RETURNS trigger LANGUAGE plpgsql
SET search_path FROM CURRENT AS $$
BEGIN
    DELETE FROM code_uses AS s USING of_now AS n WHERE s.show_id = n.show_id AND s.code = n.code_hash;
    INSERT INTO code_uses (show_id, code, part, uses)
        SELECT o.show_id, o.code, o.booking_offset % 16, count(*)
        FROM of_now AS n JOIN order_codes AS o ON o.show_id = n.show_id AND o.code = n.code_hash
        WHERE o.booking_offset > n.created_offset GROUP BY o.show_id, o.code, o.booking_offset % 16;
    RETURN NULL;
END
$$;
CREATE TRIGGER codes_are_counted AFTER INSERT ON codes
    REFERENCING NEW TABLE AS of_now FOR EACH STATEMENT EXECUTE FUNCTION onsale_count_uses_anew();
CREATE TRIGGER codes_are_counted_again AFTER UPDATE ON codes
    REFERENCING NEW TABLE AS of_now FOR EACH STATEMENT EXECUTE FUNCTION onsale_count_uses_anew();

INSERT INTO phase_places (show_id, phase, part, places)
    SELECT show_id, phase, booking_offset % 16, sum(places) FROM order_phases
    GROUP BY show_id, phase, booking_offset % 16;
INSERT INTO code_uses (show_id, code, part, uses)
    SELECT o.show_id, o.code, o.booking_offset % 16, count(*)
    FROM order_codes AS o LEFT JOIN codes AS c ON c.code_hash = o.code
    WHERE o.booking_offset > coalesce(c.created_offset, -1)
    GROUP BY o.show_id, o.code, o.booking_offset % 16;

-- What is looked for of codes that ended, and of those that wait for the log.
CREATE INDEX codes_ended ON codes (ended_at_ms) WHERE ended_at_ms IS NOT NULL;
CREATE INDEX code_changes_by_show ON code_changes (show_id);

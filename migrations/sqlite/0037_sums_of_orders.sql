-- What a quote asks of a show's orders, as sums: however many orders there are, it reads a few rows. Each sum is kept in
-- parts, by the offset of the booking, as on PostgreSQL, where a row that is changed often is slow.

CREATE TABLE phase_places (
    show_id BLOB NOT NULL CHECK (length(show_id) = 16),
    phase INTEGER NOT NULL,
    part INTEGER NOT NULL CHECK (part BETWEEN 0 AND 15),
    places INTEGER NOT NULL,
    PRIMARY KEY (show_id, phase, part)
) STRICT, WITHOUT ROWID;

-- Live bookings with a code as it is now: those from before it was created again are no uses of it.
CREATE TABLE code_uses (
    show_id BLOB NOT NULL CHECK (length(show_id) = 16),
    code BLOB NOT NULL CHECK (length(code) = 16),
    part INTEGER NOT NULL CHECK (part BETWEEN 0 AND 15),
    uses INTEGER NOT NULL,
    PRIMARY KEY (show_id, code, part)
) STRICT, WITHOUT ROWID;

-- No ON CONFLICT: within a trigger that of the statement outside would count, and those of 0028 replace.
CREATE TRIGGER places_are_summed AFTER INSERT ON order_phases
BEGIN
    INSERT INTO phase_places (show_id, phase, part, places)
        SELECT NEW.show_id, NEW.phase, NEW.booking_offset % 16, 0
        WHERE NOT EXISTS (SELECT 1 FROM phase_places AS s WHERE s.show_id = NEW.show_id AND s.phase = NEW.phase
            AND s.part = NEW.booking_offset % 16);
    UPDATE phase_places SET places = places + NEW.places
        WHERE show_id = NEW.show_id AND phase = NEW.phase AND part = NEW.booking_offset % 16;
END;
CREATE TRIGGER places_are_summed_no_more AFTER DELETE ON order_phases
BEGIN
    UPDATE phase_places SET places = places - OLD.places
        WHERE show_id = OLD.show_id AND phase = OLD.phase AND part = OLD.booking_offset % 16;
    DELETE FROM phase_places WHERE show_id = OLD.show_id AND phase = OLD.phase
        AND part = OLD.booking_offset % 16 AND places <= 0;
END;

CREATE TRIGGER uses_are_summed AFTER INSERT ON order_codes
WHEN NEW.booking_offset > coalesce((SELECT created_offset FROM codes WHERE code_hash = NEW.code), -1)
BEGIN
    INSERT INTO code_uses (show_id, code, part, uses)
        SELECT NEW.show_id, NEW.code, NEW.booking_offset % 16, 0
        WHERE NOT EXISTS (SELECT 1 FROM code_uses AS s WHERE s.show_id = NEW.show_id AND s.code = NEW.code
            AND s.part = NEW.booking_offset % 16);
    UPDATE code_uses SET uses = uses + 1
        WHERE show_id = NEW.show_id AND code = NEW.code AND part = NEW.booking_offset % 16;
END;
CREATE TRIGGER uses_are_summed_no_more AFTER DELETE ON order_codes
WHEN OLD.booking_offset > coalesce((SELECT created_offset FROM codes WHERE code_hash = OLD.code), -1)
BEGIN
    UPDATE code_uses SET uses = uses - 1
        WHERE show_id = OLD.show_id AND code = OLD.code AND part = OLD.booking_offset % 16;
    DELETE FROM code_uses WHERE show_id = OLD.show_id AND code = OLD.code
        AND part = OLD.booking_offset % 16 AND uses <= 0;
END;

-- A code that is created, or created again, is counted by the bookings from then on.
CREATE TRIGGER code_is_counted AFTER INSERT ON codes
BEGIN
    DELETE FROM code_uses WHERE show_id = NEW.show_id AND code = NEW.code_hash;
    INSERT INTO code_uses (show_id, code, part, uses)
        SELECT o.show_id, o.code, o.booking_offset % 16, count(*) FROM order_codes AS o
        WHERE o.show_id = NEW.show_id AND o.code = NEW.code_hash AND o.booking_offset > NEW.created_offset
        GROUP BY o.booking_offset % 16;
END;
CREATE TRIGGER code_is_counted_again AFTER UPDATE OF created_offset ON codes
BEGIN
    DELETE FROM code_uses WHERE show_id = NEW.show_id AND code = NEW.code_hash;
    INSERT INTO code_uses (show_id, code, part, uses)
        SELECT o.show_id, o.code, o.booking_offset % 16, count(*) FROM order_codes AS o
        WHERE o.show_id = NEW.show_id AND o.code = NEW.code_hash AND o.booking_offset > NEW.created_offset
        GROUP BY o.booking_offset % 16;
END;

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

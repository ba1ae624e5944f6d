-- Wrong passwords that came with the token of a mailed link: it is good no more after a few.
ALTER TABLE one_time_tokens ADD COLUMN wrong_passwords integer NOT NULL DEFAULT 0 CHECK (wrong_passwords >= 0);
ALTER TABLE address_changes ADD COLUMN wrong_passwords integer NOT NULL DEFAULT 0 CHECK (wrong_passwords >= 0);

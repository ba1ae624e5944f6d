-- Sessions that end because their account moved to another address, or got its second factor, say so.
ALTER TABLE sessions
    DROP CONSTRAINT sessions_ended_why_check,
    ADD CONSTRAINT sessions_ended_why_check CHECK (ended_why IN
        ('logout', 'reuse', 'password', 'role', 'disabled', 'operator', 'erased', 'too_many',
         'address', 'factor'));

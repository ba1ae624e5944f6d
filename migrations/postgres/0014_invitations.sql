-- Invitations that those who manage the team see and withdraw. The id is also the key of the job that mails
-- it. NULL for other tokens, and for invitations of the version before.
ALTER TABLE one_time_tokens
    ADD COLUMN invitation_id uuid,
    ADD COLUMN address_sealed bytea CHECK (octet_length(address_sealed) BETWEEN 1 AND 2048),
    -- The account that invited: what it sent goes with its right to.
    ADD COLUMN invited_by uuid;
CREATE INDEX one_time_tokens_by_invitation ON one_time_tokens (invitation_id)
    WHERE invitation_id IS NOT NULL;
CREATE INDEX one_time_tokens_by_inviter ON one_time_tokens (invited_by) WHERE invited_by IS NOT NULL;
CREATE INDEX one_time_tokens_by_address ON one_time_tokens (email_hash) WHERE email_hash IS NOT NULL;

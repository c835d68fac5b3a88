-- For the order by expires_at: with the sign turned, and walked from its highest number down as
-- every order by a number is, it has the soonest first.
CREATE INDEX posting_soonest ON posting (-expires_at) WHERE expires_at IS NOT NULL;

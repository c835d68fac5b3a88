-- Requests that are not repeated.

-- name: forget_asked_before
DELETE FROM asked_once WHERE at < ?;

-- name: ask_once
INSERT INTO asked_once (key, asked, at) VALUES (?, ?, ?) ON CONFLICT (key) DO NOTHING;

-- name: asked_once
SELECT a.asked, a.made FROM asked_once AS a WHERE a.key = ?;

-- name: made_once
UPDATE asked_once SET made = ? WHERE key = ?;

-- name: ask_again
DELETE FROM asked_once WHERE key = ? AND made IS NULL;

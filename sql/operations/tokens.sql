-- Who may ask the service.

-- name: tokens
SELECT t.hash, t.name, t.scope, t.made_at, t.expires_at, t.used_at FROM token AS t
ORDER BY t.name;

-- name: add_token
INSERT INTO token (hash, name, scope, made_at, expires_at) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (name) DO NOTHING;

-- name: remove_token
DELETE FROM token WHERE name = ?;

-- name: token_used
UPDATE token SET used_at = ? WHERE hash = ? AND coalesce(used_at, 0) < ?;

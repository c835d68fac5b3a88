-- What was deployed.

-- name: deployments
SELECT d.number, d.record FROM deployment AS d ORDER BY d.number DESC;

-- name: put_deployment
INSERT OR REPLACE INTO deployment (number, record) VALUES (?, ?);

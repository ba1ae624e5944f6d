-- SQLite has no row-level security: here the program alone keeps tenants apart. The number is PostgreSQL's.
SELECT 1;

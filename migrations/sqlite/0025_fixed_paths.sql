-- SQLite looks for functions and operators nowhere else. The number is PostgreSQL's.
SELECT 1;

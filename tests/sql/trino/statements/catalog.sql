-- The catalog as rows: information_schema.

SELECT * FROM information_schema.schemata ORDER BY schema_name;
SELECT catalog_name FROM awsdatacatalog.information_schema.schemata WHERE schema_name = 'default';
SELECT count(*) FROM information_schema.schemata WHERE schema_name = 'nowhere';
SELECT * FROM information_schema.tables WHERE table_schema = 'default' ORDER BY table_name;
SELECT table_schema, count(*) AS n FROM information_schema.tables GROUP BY table_schema ORDER BY 1;
SELECT table_name FROM information_schema.tables WHERE table_schema = 'information_schema' ORDER BY table_name;
SELECT table_name, table_type FROM information_schema.tables WHERE table_type = 'VIEW' ORDER BY 1;
SELECT t.table_name, count(*) AS columns FROM information_schema.tables t JOIN information_schema.columns c ON c.table_schema = t.table_schema AND c.table_name = t.table_name WHERE t.table_schema = 'default' GROUP BY t.table_name ORDER BY 1;
SELECT * FROM information_schema.columns WHERE table_schema = 'default' AND table_name = 'orders' ORDER BY ordinal_position;
SELECT column_name, data_type, comment, extra_info FROM information_schema.columns WHERE table_name = 'customers' ORDER BY ordinal_position;
SELECT table_name, column_name, ordinal_position, is_nullable, data_type FROM information_schema.columns WHERE table_schema = 'default' ORDER BY table_name, ordinal_position;
SELECT table_name, column_name, ordinal_position, data_type FROM information_schema.columns WHERE table_schema = 'information_schema' ORDER BY table_name, ordinal_position;
SELECT column_default IS NULL AS none, typeof(ordinal_position) AS kind FROM information_schema.columns WHERE table_name = 'orders' AND column_name = 'id';
SELECT data_type, count(*) AS n FROM information_schema.columns WHERE table_schema = 'default' GROUP BY 1 ORDER BY 2 DESC, 1;
SELECT table_catalog, table_schema, table_name FROM information_schema.views ORDER BY 3;
SELECT information_schema.columns.column_name FROM information_schema.columns WHERE columns.table_name = 'orders' ORDER BY 1;
SELECT c.column_name FROM information_schema.columns AS c WHERE lower(c.column_name) LIKE '%at' AND c.table_schema = 'default' ORDER BY 1;
SELECT table_name FROM information_schema.tables WHERE table_name IN (SELECT table_name FROM information_schema.columns WHERE column_name = 'customer') ORDER BY 1;
WITH wide AS (SELECT table_name, count(*) AS n FROM information_schema.columns WHERE table_schema = 'default' GROUP BY 1) SELECT table_name FROM wide WHERE n > 10 ORDER BY 1;
SELECT table_comment FROM information_schema.tables WHERE table_name = 'orders';
SELECT * FROM information_schema.nothing;
SELECT nothing FROM information_schema.tables;
SELECT grantee FROM information_schema.table_privileges;
TABLE information_schema.schemata;
SELECT EXISTS (SELECT 1 FROM information_schema.tables WHERE table_schema = 'default' AND table_name = 'orders') AS there;

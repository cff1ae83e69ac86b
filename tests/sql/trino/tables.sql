-- The tables that the statements read. Trino and the runtime both make them from these texts.

CREATE TABLE orders AS
SELECT CAST(id AS bigint) AS id, CAST(customer AS varchar) AS customer, CAST(status AS varchar) AS status,
       CAST(amount AS decimal(10,2)) AS amount, CAST(created_at AS timestamp(3)) AS created_at
FROM (VALUES
  (1, 'ann', 'paid', 120.50, timestamp '2024-01-05 10:00:00.000'),
  (2, 'bob', 'open', 80.00, timestamp '2024-01-06 11:30:00.000'),
  (3, 'ann', 'paid', 35.25, timestamp '2024-02-01 09:15:00.000'),
  (4, 'cid', 'void', 10.00, timestamp '2024-02-10 23:59:59.999'),
  (5, 'bob', 'paid', 99.99, timestamp '2024-03-01 00:00:00.000'),
  (6, 'eve', 'paid', 250.00, timestamp '2024-03-15 08:00:00.000')) t(id, customer, status, amount, created_at);

CREATE TABLE customers AS
SELECT CAST(name AS varchar) AS name, CAST(city AS varchar) AS city, CAST(age AS integer) AS age,
       CAST(tags AS array(varchar)) AS tags, CAST(attributes AS map(varchar, varchar)) AS attributes,
       CAST(address AS row(street varchar, zip varchar)) AS address
FROM (VALUES
  ('ann', 'Berlin', 31, ARRAY['vip', 'new'], MAP(ARRAY['plan', 'lang'], ARRAY['pro', 'de']), ROW('Main St 1', '10115')),
  ('bob', 'Paris', 45, ARRAY['new'], MAP(ARRAY['plan'], ARRAY['free']), ROW('Rue 2', '75001')),
  ('cid', 'Berlin', NULL, ARRAY[], MAP(), ROW('Side St 3', NULL)),
  ('dan', NULL, 22, NULL, NULL, NULL)) t(name, city, age, tags, attributes, address);

CREATE TABLE clicks AS
SELECT CAST(user_id AS varchar) AS user_id, CAST(page AS varchar) AS page, CAST(ms AS bigint) AS ms,
       CAST(payload AS varchar) AS payload, CAST(at AS varchar) AS at, CAST(score AS double) AS score,
       CAST(dt AS varchar) AS dt
FROM (VALUES
  ('u1', '/home', 1704448800000, '{"device":"ios","cart":{"items":[{"sku":"a","qty":2},{"sku":"b","qty":1}],"total":12.5}}', '2024-01-05T10:00:00Z', 0.5e0, '2024-01-05'),
  ('u1', '/cart', 1704448830000, '{"device":"ios","cart":null}', '2024-01-05T10:00:30Z', 1.25e0, '2024-01-05'),
  ('u2', '/home', 1704452400000, '{"device":"web","flags":["x","y"]}', '2024-01-05T11:00:00Z', 3e0, '2024-01-05'),
  ('u1', '/home', 1704535200000, '{}', '2024-01-06T10:00:00Z', NULL, '2024-01-06'),
  ('u3', '/buy?item=7&ref=mail', 1704538800000, '{"device":"android","cart":{"items":[],"total":0}}', '2024-01-06T11:00:00Z', -2.75e0, '2024-01-06')) t(user_id, page, ms, payload, at, score, dt);

CREATE TABLE alb_logs AS
SELECT CAST(type AS varchar) AS type, CAST(time AS varchar) AS time, CAST(elb AS varchar) AS elb,
       CAST(client_ip AS varchar) AS client_ip, CAST(client_port AS integer) AS client_port,
       CAST(target_ip AS varchar) AS target_ip, CAST(request_processing_time AS double) AS request_processing_time,
       CAST(target_processing_time AS double) AS target_processing_time,
       CAST(response_processing_time AS double) AS response_processing_time,
       CAST(elb_status_code AS integer) AS elb_status_code, CAST(target_status_code AS varchar) AS target_status_code,
       CAST(received_bytes AS bigint) AS received_bytes, CAST(sent_bytes AS bigint) AS sent_bytes,
       CAST(request_verb AS varchar) AS request_verb, CAST(request_url AS varchar) AS request_url,
       CAST(user_agent AS varchar) AS user_agent, CAST(ssl_protocol AS varchar) AS ssl_protocol,
       CAST(trace_id AS varchar) AS trace_id, CAST(day AS varchar) AS day
FROM (VALUES
  ('https', '2024-01-05T10:00:00.123456Z', 'app/web/1', '203.0.113.5', 44321, '10.0.1.5', 0.001e0, 0.120e0, 0.000e0, 200, '200', 345, 5120, 'GET', 'https://example.com:443/index.html', 'Mozilla/5.0 (Windows NT 10.0) Chrome/120.0', 'TLSv1.2', 'Root=1-abc', '2024/01/05'),
  ('https', '2024-01-05T10:00:01.500000Z', 'app/web/1', '203.0.113.5', 44322, '10.0.1.6', 0.002e0, 1.520e0, 0.001e0, 200, '200', 512, 20480, 'GET', 'https://example.com:443/api/items?page=2&size=50', 'Mozilla/5.0 (Windows NT 10.0) Chrome/120.0', 'TLSv1.2', 'Root=1-abd', '2024/01/05'),
  ('http', '2024-01-05T10:05:10.000000Z', 'app/web/1', '198.51.100.7', 51000, '-', -1e0, -1e0, -1e0, 460, '-', 120, 0, 'POST', 'http://example.com:80/login', 'curl/8.4.0', '-', 'Root=1-abe', '2024/01/05'),
  ('h2', '2024-01-05T11:00:00.999999Z', 'app/web/1', '198.51.100.7', 51001, '10.0.1.5', 0.000e0, 0.045e0, 0.000e0, 502, '502', 900, 310, 'POST', 'https://example.com:443/api/orders', 'python-requests/2.31', 'TLSv1.3', 'Root=1-abf', '2024/01/05'),
  ('https', '2024-01-06T00:00:00.000001Z', 'app/web/1', '192.0.2.44', 40404, '10.0.1.6', 0.003e0, 0.300e0, 0.000e0, 404, '404', 333, 150, 'GET', 'https://example.com:443/nope?utm_source=mail', 'Googlebot/2.1', 'TLSv1.2', 'Root=1-ac0', '2024/01/06'),
  ('https', '2024-01-06T08:30:00.000000Z', 'app/web/1', '203.0.113.9', 50505, '10.0.1.5', 0.001e0, 0.080e0, 0.002e0, 301, '301', 222, 0, 'GET', 'https://example.com:443/old', 'Mozilla/5.0 (iPhone)', 'TLSv1.3', 'Root=1-ac1', '2024/01/06')) t(type, time, elb, client_ip, client_port, target_ip, request_processing_time, target_processing_time, response_processing_time, elb_status_code, target_status_code, received_bytes, sent_bytes, request_verb, request_url, user_agent, ssl_protocol, trace_id, day);

CREATE TABLE cloudfront_logs AS
SELECT CAST(date AS date) AS date, CAST(time AS varchar) AS time, CAST(location AS varchar) AS location,
       CAST(bytes AS bigint) AS bytes, CAST(request_ip AS varchar) AS request_ip, CAST(method AS varchar) AS method,
       CAST(host AS varchar) AS host, CAST(uri AS varchar) AS uri, CAST(status AS integer) AS status,
       CAST(referrer AS varchar) AS referrer, CAST(user_agent AS varchar) AS user_agent,
       CAST(query_string AS varchar) AS query_string, CAST(result_type AS varchar) AS result_type,
       CAST(time_taken AS real) AS time_taken, CAST(x_edge_request_id AS varchar) AS x_edge_request_id
FROM (VALUES
  (date '2024-01-05', '10:00:00', 'FRA56-C1', 2390, '203.0.113.5', 'GET', 'd111.cloudfront.net', '/index.html', 200, '-', 'Mozilla/5.0%20(Windows)', '-', 'Hit', 0.001, 'r1'),
  (date '2024-01-05', '10:00:02', 'FRA56-C1', 120000, '203.0.113.5', 'GET', 'd111.cloudfront.net', '/video.mp4', 206, 'https://a.example/', 'Mozilla/5.0%20(Windows)', 'v=2&q=hd', 'Miss', 0.75, 'r2'),
  (date '2024-01-05', '10:10:00', 'IAD89-P1', 512, '198.51.100.7', 'GET', 'd111.cloudfront.net', '/missing.css', 404, '-', 'curl/8.4.0', '-', 'Error', 0.02, 'r3'),
  (date '2024-01-06', '00:00:01', 'IAD89-P1', 2390, '192.0.2.44', 'HEAD', 'd111.cloudfront.net', '/index.html', 200, '-', 'Googlebot', 'utm_source=mail', 'RefreshHit', 0.1, 'r4'),
  (date '2024-01-06', '23:59:59', 'FRA56-C1', 700, '192.0.2.44', 'POST', 'd222.cloudfront.net', '/api', 503, '-', 'app/1.0', '-', 'Error', 1.5, 'r5')) t(date, time, location, bytes, request_ip, method, host, uri, status, referrer, user_agent, query_string, result_type, time_taken, x_edge_request_id);

CREATE TABLE waf_logs AS
SELECT CAST(timestamp AS bigint) AS timestamp, CAST(webaclid AS varchar) AS webaclid, CAST(action AS varchar) AS action,
       CAST(terminatingruleid AS varchar) AS terminatingruleid,
       CAST(rulegrouplist AS array(row(rulegroupid varchar, terminatingrule row(ruleid varchar, action varchar)))) AS rulegrouplist,
       CAST(httprequest AS row(clientip varchar, country varchar, headers array(row(name varchar, value varchar)), uri varchar, args varchar, httpmethod varchar)) AS httprequest,
       CAST(labels AS array(row(name varchar))) AS labels
FROM (VALUES
  (1704448800123, 'arn:aws:wafv2:eu-central-1:1:regional/webacl/main/1', 'ALLOW', 'Default_Action', ARRAY[ROW('g1', NULL)], ROW('203.0.113.5', 'DE', ARRAY[ROW('Host', 'example.com'), ROW('User-Agent', 'Mozilla/5.0')], '/', '', 'GET'), ARRAY[]),
  (1704448860000, 'arn:aws:wafv2:eu-central-1:1:regional/webacl/main/1', 'BLOCK', 'rate-limit', ARRAY[ROW('g1', NULL), ROW('g2', ROW('sqli', 'BLOCK'))], ROW('198.51.100.7', 'US', ARRAY[ROW('host', 'example.com'), ROW('user-agent', 'sqlmap')], '/login', 'id=1 or 1=1', 'POST'), ARRAY[ROW('awswaf:sqli')]),
  (1704452400999, 'arn:aws:wafv2:eu-central-1:1:regional/webacl/main/1', 'BLOCK', 'geo', ARRAY[], ROW('198.51.100.7', 'US', ARRAY[ROW('Host', 'example.com')], '/admin', NULL, 'GET'), ARRAY[ROW('awswaf:geo:US'), ROW('bot')]),
  (1704535200000, 'arn:aws:wafv2:eu-central-1:1:regional/webacl/main/1', 'COUNT', 'test-rule', NULL, ROW('192.0.2.44', 'FR', NULL, '/index', 'a=b', 'GET'), NULL)) t(timestamp, webaclid, action, terminatingruleid, rulegrouplist, httprequest, labels);

CREATE TABLE cloudtrail_logs AS
SELECT CAST(eventversion AS varchar) AS eventversion,
       CAST(useridentity AS row(type varchar, principalid varchar, arn varchar, accountid varchar, username varchar, sessioncontext row(attributes row(mfaauthenticated varchar, creationdate varchar), sessionissuer row(type varchar, arn varchar)))) AS useridentity,
       CAST(eventtime AS varchar) AS eventtime, CAST(eventsource AS varchar) AS eventsource,
       CAST(eventname AS varchar) AS eventname, CAST(awsregion AS varchar) AS awsregion,
       CAST(sourceipaddress AS varchar) AS sourceipaddress, CAST(useragent AS varchar) AS useragent,
       CAST(errorcode AS varchar) AS errorcode, CAST(errormessage AS varchar) AS errormessage,
       CAST(requestparameters AS varchar) AS requestparameters, CAST(responseelements AS varchar) AS responseelements,
       CAST(resources AS array(row(arn varchar, accountid varchar, type varchar))) AS resources,
       CAST(readonly AS varchar) AS readonly, CAST(region AS varchar) AS region
FROM (VALUES
  ('1.08', ROW('IAMUser', 'AID1', 'arn:aws:iam::111122223333:user/ann', '111122223333', 'ann', ROW(ROW('true', '2024-01-05T09:00:00Z'), NULL)), '2024-01-05T10:00:00Z', 's3.amazonaws.com', 'GetObject', 'eu-central-1', '203.0.113.5', 'aws-cli/2.15', NULL, NULL, '{"bucketName":"data","key":"a/b.parquet"}', NULL, ARRAY[ROW('arn:aws:s3:::data', '111122223333', 'AWS::S3::Bucket')], 'true', 'eu-central-1'),
  ('1.08', ROW('AssumedRole', 'AID2', 'arn:aws:sts::111122223333:assumed-role/deploy/ci', '111122223333', NULL, ROW(ROW('false', '2024-01-05T09:30:00Z'), ROW('Role', 'arn:aws:iam::111122223333:role/deploy'))), '2024-01-05T10:05:00Z', 'iam.amazonaws.com', 'CreateUser', 'us-east-1', '198.51.100.7', 'Boto3/1.34', 'AccessDenied', 'User is not authorized', '{"userName":"eve"}', NULL, NULL, 'false', 'us-east-1'),
  ('1.08', ROW('Root', '111122223333', 'arn:aws:iam::111122223333:root', '111122223333', NULL, NULL), '2024-01-05T12:00:00Z', 'signin.amazonaws.com', 'ConsoleLogin', 'us-east-1', '192.0.2.44', 'Mozilla/5.0', NULL, NULL, NULL, '{"ConsoleLogin":"Success"}', NULL, 'false', 'us-east-1'),
  ('1.09', ROW('AWSService', NULL, NULL, NULL, NULL, NULL), '2024-01-06T00:00:00Z', 'ec2.amazonaws.com', 'RunInstances', 'eu-central-1', 'autoscaling.amazonaws.com', 'autoscaling.amazonaws.com', NULL, NULL, '{"instancesSet":{"items":[{"minCount":1,"maxCount":3}]},"instanceType":"t3.micro"}', '{"instancesSet":{"items":[{"instanceId":"i-1"},{"instanceId":"i-2"}]}}', NULL, 'false', 'eu-central-1')) t(eventversion, useridentity, eventtime, eventsource, eventname, awsregion, sourceipaddress, useragent, errorcode, errormessage, requestparameters, responseelements, resources, readonly, region);

CREATE TABLE vpc_flow_logs AS
SELECT CAST(version AS integer) AS version, CAST(account_id AS varchar) AS account_id,
       CAST(interface_id AS varchar) AS interface_id, CAST(srcaddr AS varchar) AS srcaddr,
       CAST(dstaddr AS varchar) AS dstaddr, CAST(srcport AS integer) AS srcport, CAST(dstport AS integer) AS dstport,
       CAST(protocol AS bigint) AS protocol, CAST(packets AS bigint) AS packets, CAST(bytes AS bigint) AS bytes,
       CAST(start AS bigint) AS start, CAST("end" AS bigint) AS "end", CAST(action AS varchar) AS action,
       CAST(log_status AS varchar) AS log_status, CAST(day AS varchar) AS day
FROM (VALUES
  (2, '111122223333', 'eni-1', '203.0.113.5', '10.0.1.5', 44321, 443, 6, 12, 6800, 1704448800, 1704448860, 'ACCEPT', 'OK', '2024-01-05'),
  (2, '111122223333', 'eni-1', '10.0.1.5', '203.0.113.5', 443, 44321, 6, 20, 150000, 1704448800, 1704448860, 'ACCEPT', 'OK', '2024-01-05'),
  (2, '111122223333', 'eni-2', '198.51.100.7', '10.0.1.6', 51000, 22, 6, 3, 180, 1704448900, 1704448930, 'REJECT', 'OK', '2024-01-05'),
  (2, '111122223333', 'eni-2', '198.51.100.7', '10.0.1.6', 51001, 3389, 6, 2, 120, 1704449000, 1704449010, 'REJECT', 'OK', '2024-01-05'),
  (2, '111122223333', 'eni-1', '10.0.1.5', '10.0.0.2', 53000, 53, 17, 1, 70, 1704535200, 1704535201, 'ACCEPT', 'OK', '2024-01-06'),
  (2, '111122223333', 'eni-3', NULL, NULL, NULL, NULL, NULL, NULL, NULL, 1704535300, 1704535360, '-', 'NODATA', '2024-01-06')) t(version, account_id, interface_id, srcaddr, dstaddr, srcport, dstport, protocol, packets, bytes, start, "end", action, log_status, day);

CREATE TABLE paid_orders AS SELECT id, customer, amount, date_trunc('month', created_at) AS month FROM orders WHERE status = 'paid';

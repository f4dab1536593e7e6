-- A database made by the schema 0001-house (the house, before the gateway), with one row or more in every table.
-- Made by a running server; never edited. What opens it, good for nothing else:
-- key: k1:BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=
-- token: bh_live_AcB9P6235cGBMsuwBM38nsDT2z2ej16DTzUW5uUaPrr2F2PfY
-- bound: bh_live_H7o5qQIgbFyZDArLWaywEfppAtJobnI80sIrNamJFQxSsQodv
-- revoked: bh_live_t39SUW0aFO8TUkKHeaFplhUZbiYlU0pPcDfUdTn5VccQ8iRKX
CREATE TABLE accounts (
    id text NOT NULL,
    project_id text NOT NULL,
    connection_id text NOT NULL,
    identifier text NOT NULL,
    status text NOT NULL,
    status_reason text,
    status_changed_at bigint NOT NULL,
    provider_user_id text,
    provider_user text,
    scopes text NOT NULL,
    credential text,
    access_digest text,
    refresh_digest text,
    expires_at bigint,
    life_ms bigint,
    refresh_expires_at bigint,
    installations text,
    checked_at bigint,
    check_asked_at bigint NOT NULL,
    last_used_at bigint,
    refresh_failures integer NOT NULL,
    refresh_not_before bigint NOT NULL,
    unauthorized_count integer NOT NULL,
    lease_holder text,
    lease_until bigint NOT NULL,
    created_at bigint NOT NULL
);
CREATE TABLE attempts (
    id text NOT NULL,
    project_id text NOT NULL,
    connection_id text NOT NULL,
    account_id text NOT NULL,
    link_id text NOT NULL,
    status text NOT NULL,
    state_digest text NOT NULL,
    browser_digest text NOT NULL,
    verifier text NOT NULL,
    auth_request_digest text,
    credential text,
    grant_facts text,
    provider_user_id text,
    created_at bigint NOT NULL,
    expires_at bigint NOT NULL
);
CREATE TABLE audit_events (
    chain text NOT NULL,
    seq bigint NOT NULL,
    id text NOT NULL,
    at bigint NOT NULL,
    name text NOT NULL,
    actor text NOT NULL,
    subject text NOT NULL,
    details text NOT NULL,
    prev text NOT NULL,
    hash text NOT NULL
);
CREATE TABLE audit_heads (
    chain text NOT NULL,
    seq bigint NOT NULL,
    hash text NOT NULL
);
CREATE TABLE connections (
    id text NOT NULL,
    project_id text NOT NULL,
    name text NOT NULL,
    preset text NOT NULL,
    client_id text NOT NULL,
    client_secret text NOT NULL,
    scopes text NOT NULL,
    hosts text NOT NULL,
    settings text NOT NULL,
    verification text NOT NULL,
    allow_unverified integer NOT NULL,
    verify_url_origins text NOT NULL,
    created_at bigint NOT NULL,
    updated_at bigint NOT NULL
);
CREATE TABLE idempotency (
    key_digest text NOT NULL,
    project_id text NOT NULL,
    body_digest text NOT NULL,
    state text NOT NULL,
    started_at bigint NOT NULL,
    deadline_at bigint NOT NULL,
    status integer,
    answer text,
    expires_at bigint NOT NULL
);
CREATE TABLE kysely_migration (
    name character varying(255) NOT NULL,
    "timestamp" character varying(255) NOT NULL
);
CREATE TABLE kysely_migration_lock (
    id character varying(255) NOT NULL,
    is_locked integer DEFAULT 0 NOT NULL
);
CREATE TABLE links (
    id text NOT NULL,
    project_id text NOT NULL,
    account_id text NOT NULL,
    digest text NOT NULL,
    verify_url text,
    caller_state text,
    return_url text,
    openings integer NOT NULL,
    created_at bigint NOT NULL,
    expires_at bigint NOT NULL,
    spent_at bigint
);
CREATE TABLE meta (
    name text NOT NULL,
    value text NOT NULL
);
CREATE TABLE projects (
    id text NOT NULL,
    name text NOT NULL,
    environment text NOT NULL,
    created_at bigint NOT NULL
);
CREATE TABLE refreshes (
    id text NOT NULL,
    account_id text NOT NULL,
    refresh_digest text NOT NULL,
    holder text NOT NULL,
    started_at bigint NOT NULL,
    ended_at bigint,
    outcome text
);
CREATE TABLE revocations (
    id text NOT NULL,
    project_id text NOT NULL,
    account_id text,
    payload text NOT NULL,
    whole_grant integer NOT NULL,
    erase_account integer NOT NULL,
    tries integer NOT NULL,
    next_at bigint NOT NULL,
    give_up_at bigint NOT NULL,
    created_at bigint NOT NULL
);
CREATE TABLE sealing_keys (
    id text NOT NULL,
    check_value text NOT NULL,
    created_at bigint NOT NULL
);
CREATE TABLE tokens (
    id text NOT NULL,
    project_id text,
    parent_id text,
    name text NOT NULL,
    digest text NOT NULL,
    preview text NOT NULL,
    scopes text NOT NULL,
    limits text NOT NULL,
    account_id text,
    agent_id text,
    created_at bigint NOT NULL,
    expires_at bigint,
    last_used_at bigint,
    revoked_at bigint
);
INSERT INTO accounts VALUES ('acc_8e32d0f07c0740159c1e8c5cc304b871', 'prj_bc35fd656b3448d384ea7957c869c3e7', 'con_faa4604d7d804d9a975318e74e1a2d6b', 'user_1', 'ACTIVE', NULL, 1795284282438, '7', '{"id":"7","login":"octo","name":null}', '[]', 'bhs1.k1.pd82MuABNMEo5DmJKU4AcSosKiTy1yE2yN46VPs8h4Iy7GKM8YPGW4BV9mmyaeKOS7vcrnVy7YMYEMZ-TunQTNLf3iDqvZfm8g_TGLqQiQMbVcNtYUT6K5WQpd8ezrn9qT1aekLOMNYrychga51OvDrZpxqvcPKYaN2kdf8Wk6yYeEYzjuQP7nSWiV93LNrSVgRqXphxRXiiYXE', '5cFXmAWuNuU6a9eiduG2cR_Sn5g1eGNo_IN5BUwCJZw', 'DzcjOA4i6fstyCySvy-aBbVAsOry_dR8yDwuPlM2Ot8', 1795313082515, 28799999, 1811095482515, '[]', 1795284282516, 0, NULL, 0, 0, 0, NULL, 0, 1795284282393);
INSERT INTO accounts VALUES ('acc_b571a6b1acfc4717b279829563bb4840', 'prj_bc35fd656b3448d384ea7957c869c3e7', 'con_faa4604d7d804d9a975318e74e1a2d6b', 'user_2', 'DISCONNECTED', 'deletion_pending', 1795284282584, '8', '{"id":"8","login":"mona","name":null}', '[]', NULL, NULL, NULL, NULL, NULL, NULL, '[]', 1795284282500, 0, NULL, 0, 0, 0, NULL, 0, 1795284282450);
INSERT INTO accounts VALUES ('acc_a2b9445af8ba4e24a83e3c1e58400145', 'prj_bc35fd656b3448d384ea7957c869c3e7', 'con_faa4604d7d804d9a975318e74e1a2d6b', 'Zoë ☂ ''quoted''', 'PENDING', NULL, 1795284282530, NULL, NULL, '[]', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 0, NULL, 0, 0, 0, NULL, 0, 1795284282530);
INSERT INTO attempts VALUES ('att_eb3cd3b28077471f8c1cb49cc58da728', 'prj_bc35fd656b3448d384ea7957c869c3e7', 'con_faa4604d7d804d9a975318e74e1a2d6b', 'acc_8e32d0f07c0740159c1e8c5cc304b871', 'lnk_6dd1163c6a4146b78884af27b7aec8a0', 'DONE', '60kJ98cxJsWYgS9KHQoQs0yBrtm6lS077OSC7Qbq3Ns', 'gZyj7EyE8Gjq3buCUNSF8_ah-gjTwfrpk9YucGtg43I', 'bhs1.k1.6a-jmUIQ-1C8SoK7nna-EsEzDgq8VFlKNWq1LYfEDQpt5beNq_G0UYdKW6nRKmGDHwNuf5Uub2C-BDU726RleVgC1kyfYws', NULL, NULL, NULL, '7', 1795284282408, 1795284882408);
INSERT INTO attempts VALUES ('att_5115c1666f5743d191b6306fc1443b35', 'prj_bc35fd656b3448d384ea7957c869c3e7', 'con_faa4604d7d804d9a975318e74e1a2d6b', 'acc_b571a6b1acfc4717b279829563bb4840', 'lnk_c0a978c9994f4a88ab2e74768108fbe8', 'DONE', 'ff9wXVz-Zz9QJQgVOw_CxmJCMFK1A0Q6LzTJThNeks4', 'scaX3a3qSWCsY08-IeJH78n23ahfnLAIXKKo-PkLPDE', 'bhs1.k1.G9vEL9mQnyaXbhfkBDy-4XjgKUbIctlFxH_s9nPauVvgAhUt23w6D7VDxfSLQaEFz-_1mgskkaKpBP2hsug0TD6Hwwyk1AU', NULL, NULL, NULL, '8', 1795284282467, 1795284882467);
INSERT INTO attempts VALUES ('att_87f624902e014f7eac09c4339fa8bdba', 'prj_bc35fd656b3448d384ea7957c869c3e7', 'con_faa4604d7d804d9a975318e74e1a2d6b', 'acc_8e32d0f07c0740159c1e8c5cc304b871', 'lnk_6b16ea683554442da84bece78608637b', 'STARTED', 'RwyVWf9v12a6Kl8Zujbn4TPXO3FoOYa0EHf6Ueby0tM', 'JwZrEIJzq7CfkQy8WmLnFncYMviYIOx4M8mCRjd4GwU', 'bhs1.k1.yCpmTuc9JJZRS7ue5UTOC90A2KjQO04zJcJ_859_wfpyRpsu58kGnOPXkEsi3pNoMMHxSG-QZgf2zeRvaiPCrYpm9CcMhDI', NULL, NULL, NULL, NULL, 1795284282573, 1795284882573);
INSERT INTO audit_events VALUES ('instance', 1, 'evt_1c65f4d1e3ce4647b6b3b048991210d0', 1795284282318, 'key.added', '{"kind":"system","task":"start"}', 'k1', '{}', '', 'vaMmCdU2W7RuKUvKk8olCdGanluBaKUkrao2umFCXJg');
INSERT INTO audit_events VALUES ('instance', 2, 'evt_7cb3dc3f8acf44dabfafc45cdba60f7c', 1795284282345, 'project.created', '{"kind":"token","id":"environment","name":"BEHALF_ADMIN_TOKEN"}', 'prj_bc35fd656b3448d384ea7957c869c3e7', '{}', 'vaMmCdU2W7RuKUvKk8olCdGanluBaKUkrao2umFCXJg', '9Eqigc3BaalSAHBnmzIZNicJ2Fwwte-v_ZPcjCSZShI');
INSERT INTO audit_events VALUES ('prj_bc35fd656b3448d384ea7957c869c3e7', 1, 'evt_3db4a7310ab049d49b440dcfc809f94c', 1795284282348, 'project.created', '{"kind":"token","id":"environment","name":"BEHALF_ADMIN_TOKEN"}', 'prj_bc35fd656b3448d384ea7957c869c3e7', '{}', '', 'W3Ux3klNnLU1XlDiAW6-satJQDsHRJvX5BS7gWRcQGo');
INSERT INTO audit_events VALUES ('prj_bc35fd656b3448d384ea7957c869c3e7', 2, 'evt_76b39ea29bed47ffb52a8554bcefc871', 1795284282348, 'token.created', '{"kind":"token","id":"environment","name":"BEHALF_ADMIN_TOKEN"}', 'tok_5aea482c7e124ef387fb8bb3845945b1', '{"scopes":["admin"]}', 'W3Ux3klNnLU1XlDiAW6-satJQDsHRJvX5BS7gWRcQGo', '3Y2-jXsyY3WGM_oe5EdD1Si0I6MsMFk5nOq7e7ITco4');
INSERT INTO audit_events VALUES ('prj_bc35fd656b3448d384ea7957c869c3e7', 3, 'evt_7c4916c213724e7796fe99335113c5e5', 1795284282384, 'connection.created', '{"kind":"token","id":"tok_5aea482c7e124ef387fb8bb3845945b1","name":"first token"}', 'con_faa4604d7d804d9a975318e74e1a2d6b', '{"name":"github","preset":"github-app"}', '3Y2-jXsyY3WGM_oe5EdD1Si0I6MsMFk5nOq7e7ITco4', 'Kc1zUMUDwANdj3Mybs3NvoX-tybh8SLKYJqgBIZYrwk');
INSERT INTO audit_events VALUES ('prj_bc35fd656b3448d384ea7957c869c3e7', 4, 'evt_e71eb1b289464e698cdd422081d3773e', 1795284282395, 'account.created', '{"kind":"token","id":"tok_5aea482c7e124ef387fb8bb3845945b1","name":"first token"}', 'acc_8e32d0f07c0740159c1e8c5cc304b871', '{}', 'Kc1zUMUDwANdj3Mybs3NvoX-tybh8SLKYJqgBIZYrwk', 'YIV-f-bb8fpoNkg2us9Yusk7eraoJuEdjbiZ9k6eUEI');
INSERT INTO audit_events VALUES ('prj_bc35fd656b3448d384ea7957c869c3e7', 5, 'evt_4f4603dda7404e9299b4bddd39b9e867', 1795284282443, 'account.activated', '{"kind":"person","attempt":"att_eb3cd3b28077471f8c1cb49cc58da728"}', 'acc_8e32d0f07c0740159c1e8c5cc304b871', '{"provider_user":"7","login":"octo","replaced_user":false}', 'YIV-f-bb8fpoNkg2us9Yusk7eraoJuEdjbiZ9k6eUEI', 'y9wZuBQXrsIwOUs9YKQPTBANNbvl8gs02NFNolXpmQo');
INSERT INTO audit_events VALUES ('prj_bc35fd656b3448d384ea7957c869c3e7', 6, 'evt_51f298d5e01b4aa2969e027f71ac2e05', 1795284282454, 'account.created', '{"kind":"token","id":"tok_5aea482c7e124ef387fb8bb3845945b1","name":"first token"}', 'acc_b571a6b1acfc4717b279829563bb4840', '{}', 'y9wZuBQXrsIwOUs9YKQPTBANNbvl8gs02NFNolXpmQo', 'IOjdP-zc4BWKx6XJbv6jDYl1Xf2wZlyjADAHnZkZ5tE');
INSERT INTO audit_events VALUES ('prj_bc35fd656b3448d384ea7957c869c3e7', 7, 'evt_79322156129b4d3f9142d8ae4b313009', 1795284282504, 'account.activated', '{"kind":"person","attempt":"att_5115c1666f5743d191b6306fc1443b35"}', 'acc_b571a6b1acfc4717b279829563bb4840', '{"provider_user":"8","login":"mona","replaced_user":false}', 'IOjdP-zc4BWKx6XJbv6jDYl1Xf2wZlyjADAHnZkZ5tE', 'NPIS9_mymY2-Fyw_TmlNdS0rEqNTfD-yGZ3NiaKXXVQ');
INSERT INTO audit_events VALUES ('prj_bc35fd656b3448d384ea7957c869c3e7', 8, 'evt_d72f2d855282406f81d66b911d57d9fb', 1795284282522, 'account.refreshed', '{"kind":"system","task":"refresh"}', 'acc_8e32d0f07c0740159c1e8c5cc304b871', '{}', 'NPIS9_mymY2-Fyw_TmlNdS0rEqNTfD-yGZ3NiaKXXVQ', 'dmbUf9aC580tMwyw2aKMKSxZBgpUv8Tnqlp3T4Tr_Xg');
INSERT INTO audit_events VALUES ('prj_bc35fd656b3448d384ea7957c869c3e7', 9, 'evt_2297c5fece394530b2bb93c8fbf3254d', 1795284282532, 'account.created', '{"kind":"token","id":"tok_5aea482c7e124ef387fb8bb3845945b1","name":"first token"}', 'acc_a2b9445af8ba4e24a83e3c1e58400145', '{}', 'dmbUf9aC580tMwyw2aKMKSxZBgpUv8Tnqlp3T4Tr_Xg', 'ipkWFf5e61AX3rL6Vdygg7n7NXMRsYmfXjVfiFrkYmw');
INSERT INTO audit_events VALUES ('prj_bc35fd656b3448d384ea7957c869c3e7', 10, 'evt_1e73d7a3f8e84cb6a8877cefdcee4dca', 1795284282549, 'token.created', '{"kind":"token","id":"tok_5aea482c7e124ef387fb8bb3845945b1","name":"first token"}', 'tok_11fa3d98b0e3400eba199310643ee9fb', '{"scopes":["proxy","tools"]}', 'ipkWFf5e61AX3rL6Vdygg7n7NXMRsYmfXjVfiFrkYmw', 'Hoi_LiGATdb1AQwq0NFVtgDbDHRgsOUUxvHvpkCPxGY');
INSERT INTO audit_events VALUES ('prj_bc35fd656b3448d384ea7957c869c3e7', 11, 'evt_1b2646a580f741798b15ba9ea89c56d7', 1795284282557, 'token.created', '{"kind":"token","id":"tok_5aea482c7e124ef387fb8bb3845945b1","name":"first token"}', 'tok_1511b81b516148cc926f8455fd9b7917', '{"scopes":["tools"]}', 'Hoi_LiGATdb1AQwq0NFVtgDbDHRgsOUUxvHvpkCPxGY', 'dJklcwUR-GDWuzabIN3AVtsuTgzpFKg9If4JJZBTzg0');
INSERT INTO audit_events VALUES ('prj_bc35fd656b3448d384ea7957c869c3e7', 12, 'evt_790ade76f81a4e6d87e99caf4ffbb07e', 1795284282566, 'token.revoked', '{"kind":"token","id":"tok_5aea482c7e124ef387fb8bb3845945b1","name":"first token"}', 'tok_1511b81b516148cc926f8455fd9b7917', '{}', 'dJklcwUR-GDWuzabIN3AVtsuTgzpFKg9If4JJZBTzg0', 'ukEAIgkqgsoJWZVu-ChEB-0N2em9O06lGGfH6Q5Zo7k');
INSERT INTO audit_events VALUES ('prj_bc35fd656b3448d384ea7957c869c3e7', 13, 'evt_ca3b26295a0d4438a019ee42faef6793', 1795284282589, 'account.disconnected', '{"kind":"token","id":"tok_5aea482c7e124ef387fb8bb3845945b1","name":"first token"}', 'acc_b571a6b1acfc4717b279829563bb4840', '{}', 'ukEAIgkqgsoJWZVu-ChEB-0N2em9O06lGGfH6Q5Zo7k', 'u4SVK5x8t9q5kzgurpgJVLeIZUpY7T1a6_qWYVMy2q0');
INSERT INTO audit_heads VALUES ('instance', 2, '3cF4ygPCh7Z3jgQ0lUluYg6TXEvV-igdZZNAPELwYec');
INSERT INTO audit_heads VALUES ('prj_bc35fd656b3448d384ea7957c869c3e7', 13, 'p4B0UzfBYjkaBnmbnW9pEpks9sAB9vzZBWOC_X2C4c8');
INSERT INTO connections VALUES ('con_faa4604d7d804d9a975318e74e1a2d6b', 'prj_bc35fd656b3448d384ea7957c869c3e7', 'github', 'github-app', 'Iv1.test', 'bhs1.k1.gS24GGL-ch1V8zJZ99ocEbt-_FIedNEYjVzS9SYHfCPgEIl_87ZDV87RnKHhfdUP-CyWxUrL80zEoBMp5-A', '[]', '{"web":"http://127.0.0.1:42371","api":"http://127.0.0.1:34439"}', '{}', 'none', 0, '[]', 1795284282371, 1795284282371);
INSERT INTO idempotency VALUES ('wFpDRlzDGhv9dVN0F-v3l8twQnowCaIF6pP-J3BRCa4', 'prj_bc35fd656b3448d384ea7957c869c3e7', 'Ag39aAHUGKOQC_bn2h_vP4aH9uDOY_yZwQQXGHAJHCk', 'answered', 1795284282540, 1795284432540, 201, 'bhs1.k1.Q569ShIKRC7u-mlcnwnuWmfestiQypgFgYTjEWWAJTqBy_zVFZwUWuIkD9ZwHsF7cQYtkC72kB0KBB-tcL677mpkPzE3YZjL1w4dydcR8m9-GLe21_RwRmTlNmZOzAGpwYnpq68R34fCYJWaslWz7csfvFF_ax5F3J1PcRq0w3zxloA8CKDj0xKBOyF-dyq8qEm4-mBSuIkjSd2BTF-6ubQFgGXFKkiHuOyjy28PQqQtBTAVoy0hpEwjRqyMBhIg45F2X70j2L00Xs98xAFPjeZz4eGVFBJIOM8dIfTisJCbmRK_IJlvXxy7Ml_SEDkQgcL4q_FSGaMtBlgTE2arKu0jJ0WalDgtEoHMLwxFZa0qdSSxZmvEMrA5HQSA095jebWXLbwLpMUPuOv4PVBMopMSqYBhzB8xg-8tCATEL9ocVF_uJ31BlNub34qJJqxagvE64wS7gsVPgjDzKLzxAi81ZdoeGYzVKov0eEuXZ4mUyP0COY5bp2BgZOFpLjxDcVNG-vXlUgQHzGmRTG2idJLcQIIYGR4KMd2QN2KLSkEYidyscX9SqVlRjOR6mjaWSEoEGCr5Zi3kn8iUsU9vGDph_WR3pRp_ZMtoLPlky9rgT4kkrY3rr75A1q66vTNNECWZpsMm4fBhtHaD8uB7JaIOvTY', 1795370682540);
INSERT INTO kysely_migration VALUES ('0001-house', '2026-11-21T18:04:42.304Z');
INSERT INTO kysely_migration_lock VALUES ('migration_lock', 0);
INSERT INTO links VALUES ('lnk_6dd1163c6a4146b78884af27b7aec8a0', 'prj_bc35fd656b3448d384ea7957c869c3e7', 'acc_8e32d0f07c0740159c1e8c5cc304b871', 'T2EVRx55eRBPt0TWqUMFiyInDXHQF7WC7gg2wL36t5s', NULL, NULL, NULL, 1, 1795284282404, 1795284882404, 1795284282425);
INSERT INTO links VALUES ('lnk_c0a978c9994f4a88ab2e74768108fbe8', 'prj_bc35fd656b3448d384ea7957c869c3e7', 'acc_b571a6b1acfc4717b279829563bb4840', 'k67fK0pB2U6bob6v1wsd-1w05-2fa7GuyhKxm6Lrngo', NULL, NULL, NULL, 1, 1795284282462, 1795284882462, 1795284282489);
INSERT INTO links VALUES ('lnk_6b16ea683554442da84bece78608637b', 'prj_bc35fd656b3448d384ea7957c869c3e7', 'acc_8e32d0f07c0740159c1e8c5cc304b871', 'RI42HxYc3KI0lipyoKzBrwpIoip22_VLqBRGn5z7fk4', NULL, NULL, NULL, 1, 1795284282570, 1795284882570, NULL);
INSERT INTO meta VALUES ('audit_key', 'bhs1.k1.E9vTj1mWilAc4oKJnfMOkLdXF2klg7GfQO6sejbJ_cRJuCOCSkh1cS5LJBh3dilD-fVm7dwKCG3ZKkZUqmXp_xbUJKB2ZAUu');
INSERT INTO meta VALUES ('key_added:k1', '1795284282314');
INSERT INTO projects VALUES ('prj_bc35fd656b3448d384ea7957c869c3e7', 'Test', 'live', 1795284282341);
INSERT INTO refreshes VALUES ('evt_4a7e553922964d858af3da17acc9dd48:3b7153dfe721', 'acc_8e32d0f07c0740159c1e8c5cc304b871', 'I6Kw1TBrZ-5pekcUzXxCFy9N7fOKD9Hypa7t04u2CuQ', 'evt_4a7e553922964d858af3da17acc9dd48', 1795284282513, 1795284282516, 'refreshed');
INSERT INTO revocations VALUES ('rev_b400b166f3554abdb51871c72a242afa', 'prj_bc35fd656b3448d384ea7957c869c3e7', 'acc_b571a6b1acfc4717b279829563bb4840', 'bhs1.k1.toWEOSUS9HCUlLM0WjzYY8exy7MN8EuPMJ5wJYu0xo5rCv_T6h2EAxTYWpDNYnk6IUFF2QzEqoWOrAtS5YfeEpVOt_yNP9ADEGmgtmzd1VaaeXTMGz7z_mxZpzPpM-9n5g5FF4T42NAVQnxNAqvgUD4hub3d0Gfn6n6WNNfO02MBsEdg7VJrpXgRTkcLPRG2cr9hL6Sqi55dCZRhhcjBg8GQ3UDJjDjukKKcYDJL8ZMeAfjg5oMFEgLN4NxPRXiD2Jefw7Xu0L3V9R148B-P2d_SDEACO4p7o2OGoZfQXwraTHiI-7q0Xpa9A18StsXCgqQTyZvs3OIxT-YbAcFv2_VEMe8p1iFTwD7JzqkWIssbtZDP6_19kS5PI2pvjTiQttmwdVf2r2aNsM041-Al8_oug8BV52XD4o5EegbQlOIoS5u2J6xltBKzCzoK72lYoN_flXiL1yHE94WTfgwpYTD6Xj8-HL_ZgoDbHbsv-nI6G8C6WJ8-m8AE2nHLoIB1QJmWEVFBTZdoVD2jMMTSyGwE-GQDvetP7NhKjvHtTfu0rAsTnx_T0OvHEqP717JM6O4yqRwqO1cM5uHLYHjXHJNykwdEsOIoygs1hGid1w', 1, 1, 1, 1795284292593, 1795889082585, 1795284282585);
INSERT INTO sealing_keys VALUES ('k1', 'bhs1.k1.ptGr5NaTVGd3XWTytOGsEJ9JyMmF9nX8KGUTiZ0CM5mt_VxCsUwlhRv-_TY', 1795284282308);
INSERT INTO tokens VALUES ('tok_11fa3d98b0e3400eba199310643ee9fb', 'prj_bc35fd656b3448d384ea7957c869c3e7', 'tok_5aea482c7e124ef387fb8bb3845945b1', 'run-17', '87pLWSa-IJbIzrVLttrWR8GMJ-xuBEgtGMZfgrt8KZw', 'bh_live_H7o5', '["proxy","tools"]', '{"access":"read","repositories":["octo/hello"]}', 'acc_8e32d0f07c0740159c1e8c5cc304b871', NULL, 1795284282545, NULL, NULL, NULL);
INSERT INTO tokens VALUES ('tok_5aea482c7e124ef387fb8bb3845945b1', 'prj_bc35fd656b3448d384ea7957c869c3e7', NULL, 'first token', 'iymL7RqKpH1Roja0a6XznXh6zRUUy4dwLSEQE5M494o', 'bh_live_AcB9', '["admin"]', '{}', NULL, NULL, 1795284282341, NULL, 1795284282355, NULL);
INSERT INTO tokens VALUES ('tok_1511b81b516148cc926f8455fd9b7917', 'prj_bc35fd656b3448d384ea7957c869c3e7', 'tok_5aea482c7e124ef387fb8bb3845945b1', 'gone', 'gI5sb8rY_SDHJGwNZzXEsslmbbAKu8bnf_v4hLT_fec', 'bh_live_t39S', '["tools"]', '{}', NULL, NULL, 1795284282555, 1795287882555, NULL, 1795284282562);
ALTER TABLE ONLY accounts
    ADD CONSTRAINT accounts_connection_id_identifier_once UNIQUE (connection_id, identifier);
ALTER TABLE ONLY accounts
    ADD CONSTRAINT accounts_key PRIMARY KEY (id);
ALTER TABLE ONLY attempts
    ADD CONSTRAINT attempts_auth_request_digest_key UNIQUE (auth_request_digest);
ALTER TABLE ONLY attempts
    ADD CONSTRAINT attempts_key PRIMARY KEY (id);
ALTER TABLE ONLY attempts
    ADD CONSTRAINT attempts_state_digest_key UNIQUE (state_digest);
ALTER TABLE ONLY audit_events
    ADD CONSTRAINT audit_events_id_key UNIQUE (id);
ALTER TABLE ONLY audit_events
    ADD CONSTRAINT audit_events_key PRIMARY KEY (chain, seq);
ALTER TABLE ONLY audit_heads
    ADD CONSTRAINT audit_heads_key PRIMARY KEY (chain);
ALTER TABLE ONLY connections
    ADD CONSTRAINT connections_key PRIMARY KEY (id);
ALTER TABLE ONLY connections
    ADD CONSTRAINT connections_project_id_name_once UNIQUE (project_id, name);
ALTER TABLE ONLY idempotency
    ADD CONSTRAINT idempotency_key PRIMARY KEY (key_digest);
ALTER TABLE ONLY kysely_migration_lock
    ADD CONSTRAINT kysely_migration_lock_pkey PRIMARY KEY (id);
ALTER TABLE ONLY kysely_migration
    ADD CONSTRAINT kysely_migration_pkey PRIMARY KEY (name);
ALTER TABLE ONLY links
    ADD CONSTRAINT links_digest_key UNIQUE (digest);
ALTER TABLE ONLY links
    ADD CONSTRAINT links_key PRIMARY KEY (id);
ALTER TABLE ONLY meta
    ADD CONSTRAINT meta_key PRIMARY KEY (name);
ALTER TABLE ONLY projects
    ADD CONSTRAINT projects_key PRIMARY KEY (id);
ALTER TABLE ONLY refreshes
    ADD CONSTRAINT refreshes_key PRIMARY KEY (id);
ALTER TABLE ONLY revocations
    ADD CONSTRAINT revocations_key PRIMARY KEY (id);
ALTER TABLE ONLY sealing_keys
    ADD CONSTRAINT sealing_keys_key PRIMARY KEY (id);
ALTER TABLE ONLY tokens
    ADD CONSTRAINT tokens_digest_key UNIQUE (digest);
ALTER TABLE ONLY tokens
    ADD CONSTRAINT tokens_key PRIMARY KEY (id);
CREATE INDEX accounts_by_project_id_created_at ON accounts USING btree (project_id, created_at);
CREATE INDEX accounts_by_provider_user_id ON accounts USING btree (provider_user_id);
CREATE INDEX accounts_by_status_checked_at ON accounts USING btree (status, checked_at);
CREATE INDEX accounts_by_status_expires_at ON accounts USING btree (status, expires_at);
CREATE INDEX attempts_by_account_id ON attempts USING btree (account_id);
CREATE INDEX attempts_by_link_id ON attempts USING btree (link_id);
CREATE INDEX attempts_by_status_expires_at ON attempts USING btree (status, expires_at);
CREATE INDEX idempotency_by_expires_at ON idempotency USING btree (expires_at);
CREATE INDEX links_by_account_id ON links USING btree (account_id);
CREATE INDEX links_by_expires_at ON links USING btree (expires_at);
CREATE INDEX refreshes_by_account_id_ended_at ON refreshes USING btree (account_id, ended_at);
CREATE INDEX refreshes_by_ended_at_started_at ON refreshes USING btree (ended_at, started_at);
CREATE INDEX revocations_by_account_id ON revocations USING btree (account_id);
CREATE INDEX revocations_by_next_at ON revocations USING btree (next_at);
CREATE INDEX tokens_by_account_id ON tokens USING btree (account_id);
CREATE INDEX tokens_by_parent_id ON tokens USING btree (parent_id);
CREATE INDEX tokens_by_project_id_created_at ON tokens USING btree (project_id, created_at);
ALTER TABLE ONLY accounts
    ADD CONSTRAINT accounts_connection_id FOREIGN KEY (connection_id) REFERENCES connections(id) ON DELETE RESTRICT;
ALTER TABLE ONLY accounts
    ADD CONSTRAINT accounts_project_id FOREIGN KEY (project_id) REFERENCES projects(id) ON DELETE RESTRICT;
ALTER TABLE ONLY attempts
    ADD CONSTRAINT attempts_account_id FOREIGN KEY (account_id) REFERENCES accounts(id) ON DELETE CASCADE;
ALTER TABLE ONLY attempts
    ADD CONSTRAINT attempts_connection_id FOREIGN KEY (connection_id) REFERENCES connections(id) ON DELETE CASCADE;
ALTER TABLE ONLY attempts
    ADD CONSTRAINT attempts_link_id FOREIGN KEY (link_id) REFERENCES links(id) ON DELETE CASCADE;
ALTER TABLE ONLY attempts
    ADD CONSTRAINT attempts_project_id FOREIGN KEY (project_id) REFERENCES projects(id) ON DELETE RESTRICT;
ALTER TABLE ONLY connections
    ADD CONSTRAINT connections_project_id FOREIGN KEY (project_id) REFERENCES projects(id) ON DELETE RESTRICT;
ALTER TABLE ONLY links
    ADD CONSTRAINT links_account_id FOREIGN KEY (account_id) REFERENCES accounts(id) ON DELETE CASCADE;
ALTER TABLE ONLY links
    ADD CONSTRAINT links_project_id FOREIGN KEY (project_id) REFERENCES projects(id) ON DELETE RESTRICT;
ALTER TABLE ONLY refreshes
    ADD CONSTRAINT refreshes_account_id FOREIGN KEY (account_id) REFERENCES accounts(id) ON DELETE CASCADE;
ALTER TABLE ONLY revocations
    ADD CONSTRAINT revocations_project_id FOREIGN KEY (project_id) REFERENCES projects(id) ON DELETE RESTRICT;
ALTER TABLE ONLY tokens
    ADD CONSTRAINT tokens_project_id FOREIGN KEY (project_id) REFERENCES projects(id) ON DELETE RESTRICT;

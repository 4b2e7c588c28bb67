-- SPDX-License-Identifier: MIT
-- What record.mjs puts into the database that it records: a row or more in every table.
SELECT doorbell.register(u, now() - interval '1 day') FROM unnest('{ann,bob,cem}'::text[]) u;
SELECT doorbell.group_join('team', 'ann'), doorbell.group_join('team', 'bob');
SELECT doorbell.category_set('alarm', true);
SELECT doorbell.send(to_users => '{ann,bob}', title => 'to two', category => 'news', key => 'first', extra => '{"a": 1}');
SELECT doorbell.send(to_users => '{ann}', title => 'to be acknowledged', ack => true, url => '/orders/7');
SELECT doorbell.send(to_users => '{bob}', title => 'about an order', subject_type => 'order', subject_id => '7');
SELECT doorbell.send(to_all => true, title => 'to all', body => 'é 中', category => 'alarm');
SELECT doorbell.send(to_all => true, title => 'to all, for ten years', expires_in => 315360000);
SELECT doorbell.send(to_all => true, title => 'superseded', subject_type => 'page', subject_id => '1', to_new_users => true);
SELECT doorbell.send(to_all => true, title => 'superseding', subject_type => 'page', subject_id => '1', replace => true);
SELECT doorbell.send(to_group => 'team', title => 'to a group', category => 'news');
SELECT doorbell.send(to_users => '{ann}', title => 'scheduled', send_at => now() + interval '9 years');
SELECT doorbell.category_set('likes', false, true, '{"en": {"title": "{sender} likes it"}}', 'https://site.example/hook', 60);
SELECT doorbell.send(to_users => '{ann}', category => 'likes', sender => 'Bob');
SELECT doorbell.send(to_users => '{ann}', title => 'in a group', sender => 'Cy', group_key => 'like:7');
SELECT doorbell.mark_read('ann', m.id) FROM doorbell.message m WHERE m.title IN ('to two', 'to all');
SELECT doorbell.archive('bob', m.id) FROM doorbell.message m WHERE m.title IN ('about an order', 'to a group');
SELECT doorbell.remove('cem', m.id) FROM doorbell.message m WHERE m.title = 'superseding';
SELECT doorbell.mark_seen('ann', doorbell.list('ann')->>'position');
SELECT doorbell.mute('bob', '{news}'), doorbell.mute('ann', '{news}'), doorbell.mute('ann', '{}');
SELECT doorbell.set_preferences('cem', language => 'zh-Hant');
SELECT doorbell.sent(m.id) FROM doorbell.message m WHERE m.title = 'to all';
SELECT doorbell.group_leave('team', 'bob');

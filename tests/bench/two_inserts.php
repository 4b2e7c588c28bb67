<?php
// SPDX-License-Identifier: MIT
// two_inserts.php - what a site does without us: a message row and a notification row in one
// transaction, by PDO with its defaults. Nobody is rung, no user is checked, nothing is counted.

$send = json_decode(file_get_contents('php://input'), true, flags: JSON_THROW_ON_ERROR);
$db = new PDO($_SERVER['BENCH_DSN'], options: [
    PDO::ATTR_ERRMODE => PDO::ERRMODE_EXCEPTION,
    PDO::ATTR_PERSISTENT => $_SERVER['BENCH_PERSISTENT'] === '1',
]);

$db->beginTransaction();
$message = $db->prepare('INSERT INTO bench_message (title, body) VALUES (?, ?) RETURNING id');
$message->execute([$send['title'], $send['body']]);
$id = $message->fetchColumn();
$notification = $db->prepare('INSERT INTO bench_notification (user_id, message_id) VALUES (?, ?)');
$notification->execute([$send['to'], $id]);
$db->commit();

http_response_code(201);
header('Content-Type: application/json');
echo json_encode(['id' => $id]);

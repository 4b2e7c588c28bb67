<?php
// SPDX-License-Identifier: MIT

namespace Doorbell\Laravel;

use Doorbell;
use DoorbellError;
use Illuminate\Console\Command;

/** A test ring, hop by hop: the key, doorbell-app, its database, the relay. */
final class RingCommand extends Command
{
    protected $signature = 'doorbell:ring
        {user : the id of a user; have a page of theirs open}
        {--wait=5 : seconds to wait for the relay}';
    protected $description = 'Sends a test message, and says which hop is broken if it does not ring';

    public function handle(Doorbell $bell): int
    {
        try {
            $sent = $bell->send($this->argument('user'), 'Doorbell rings', ['expires_in' => 3600]);
        } catch (DoorbellError $error) {
            return $this->broken($this->hopOf($error), $error->getMessage());
        }
        $this->info("key, app, database: ok, message $sent[id] is stored");
        return $this->checkRelay($bell);
    }

    private function hopOf(DoorbellError $error): string
    {
        if ($error->getCode() === 0 && $error->reason === 'invalid') {
            return strpos($error->getMessage(), 'send_key') === false ? 'user' : 'key';
        }
        if ($error->reason === 'no_reply' || $error->reason === 'not_ours') {
            return 'app';
        }
        return [401 => 'key', 403 => 'key', 503 => 'database'][$error->getCode()] ?? 'app';
    }

    /** Each ring waits in the database until the relay has taken it. */
    private function checkRelay(Doorbell $bell): int
    {
        $deadline = microtime(true) + (float) $this->option('wait');
        try {
            while (($waiting = $bell->call('GET', '/health')['database']['outbox']['depth']) > 0) {
                if (microtime(true) > $deadline) {
                    return $this->broken('relay', "$waiting rings wait for it: see that doorbell-relay runs (systemctl status doorbell-relay),"
                        . ' and what doorbell-app says of it (journalctl -u doorbell-app)');
                }
                usleep(50000);
            }
        } catch (DoorbellError $error) {
            if ($error->getCode() !== 403) {
                return $this->broken($this->hopOf($error), $error->getMessage());
            }
            $this->warn("relay: not known, since {$error->getMessage()}");
            return 0;
        }
        $this->info('relay: ok, it has taken the ring; if an open page of the user is silent, see that page\'s own log and /ws in the web server');
        return 0;
    }

    private function broken(string $hop, string $why): int
    {
        $this->error("$hop: broken: $why");
        return 1;
    }
}

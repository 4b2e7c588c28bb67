<?php
// SPDX-License-Identifier: MIT

namespace Doorbell\Laravel;

use Illuminate\Console\Command;
use Illuminate\Database\Connection;
use Illuminate\Database\Eloquent\Relations\Relation;
use Illuminate\Support\Facades\DB;

/** Makes the table notifications a view over Doorbell. */
final class InstallCommand extends Command
{
    protected $signature = 'doorbell:install
        {--database= : the connection that installs it: of the owner of schema doorbell, or a superuser}
        {--schema=public : where the view goes}';
    protected $description = 'Makes the table notifications a view over Doorbell; again after each upgrade of Doorbell';

    public function handle(): int
    {
        $type = $this->laravel['config']['doorbell.notifiable'];
        if ($type === null) {
            $this->error('No model is named: set DOORBELL_NOTIFIABLE in .env, as to App\Models\User, or to its name in the morph map.');
            return 1;
        }
        $site = DB::connection();
        $installer = DB::connection($this->option('database'));
        foreach ([$site, $installer] as $connection) {
            if ($connection->getDriverName() !== 'pgsql') {
                $this->error("The connection {$connection->getName()} is no PostgreSQL: name that of Doorbell's database in config/database.php.");
                return 1;
            }
        }
        $settings = [
            'role' => $site->selectOne('select current_user as name')->name,
            'schema' => $this->option('schema'),
            'model' => $type,
            'key' => $this->keyType($site, $type),
            'zone' => $this->laravel['config']->get('app.timezone', 'UTC'),
        ];
        foreach ($settings as $name => $value) {
            $installer->selectOne('select set_config(?, ?, false)', ["doorbell_laravel.$name", $value]);
        }
        $installer->unprepared(file_get_contents(__DIR__ . '/notifications.sql'));
        $this->info("{$settings['schema']}.notifications is a view over Doorbell now, for $type, and {$settings['role']} may use it.");
        return 0;
    }

    private function keyType(Connection $site, string $type): string
    {
        $class = Relation::getMorphedModel($type) ?? $type;
        $model = new $class();
        $column = $site->selectOne('select format_type(atttypid, atttypmod) as type from pg_attribute
            where attrelid = to_regclass(?) and attname = ?', [$model->getTable(), $model->getKeyName()]);
        return $column->type ?? ($model->getKeyType() === 'int' ? 'bigint' : 'text');
    }
}

<?php
// SPDX-License-Identifier: MIT

namespace Doorbell\Laravel;

use Illuminate\Database\Eloquent\Builder;
use Illuminate\Database\Eloquent\Model;
use Illuminate\Database\Eloquent\Scope;

/** Before notifications of users are looked for: gives what Doorbell has for them the uuids that Laravel looks it up by. */
final class NotificationScope implements Scope
{
    private $type;

    public function __construct(string $type)
    {
        $this->type = $type;
    }

    public function apply(Builder $builder, Model $model): void
    {
        $wanted = [];
        foreach ($builder->getQuery()->wheres as $where) {
            $column = preg_replace('/^.*\./', '', (string) ($where['column'] ?? ''));
            if ($where['type'] === 'Basic' && $where['operator'] === '=') {
                $wanted[$column] = [$where['value']];
            } elseif ($where['type'] === 'In' || $where['type'] === 'InRaw') {
                $wanted[$column] = $where['values'];
            }
        }
        if (in_array($this->type, $wanted['notifiable_type'] ?? [], true)) {
            foreach ($wanted['notifiable_id'] ?? [] as $id) {
                $model->getConnection()->selectOne('select doorbell_laravel.sync(?)', [$id], false);
            }
        }
    }
}

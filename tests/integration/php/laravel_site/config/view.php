<?php
// SPDX-License-Identifier: MIT

return ['paths' => [resource_path('views')], 'compiled' => storage_path('framework/views')];

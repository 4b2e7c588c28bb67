<?php
// SPDX-License-Identifier: MIT

return ['default' => 'site', 'connections' => json_decode(file_get_contents(base_path('connections.json')), true)];

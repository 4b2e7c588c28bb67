<?php
// SPDX-License-Identifier: MIT

return ['driver' => 'array', 'lifetime' => 120, 'cookie' => 'session', 'path' => '/', 'domain' => null, 'secure' => false];

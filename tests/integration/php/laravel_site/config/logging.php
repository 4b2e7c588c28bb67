<?php
// SPDX-License-Identifier: MIT

return ['default' => 'errorlog', 'channels' => ['errorlog' => ['driver' => 'errorlog']]];

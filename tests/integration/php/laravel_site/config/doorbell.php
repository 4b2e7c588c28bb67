<?php
// SPDX-License-Identifier: MIT
// A page of a slow machine waits for its number.
return ['timeout' => 20, 'page_timeout' => 20, 'connect_timeout' => 20];

<?php
// SPDX-License-Identifier: MIT

namespace App;

use Illuminate\Support\Facades\Auth;
use Illuminate\Support\Facades\Route;
use Illuminate\Support\ServiceProvider;

/** The site's one page, of whoever ?user= says is logged in. */
final class Routes extends ServiceProvider
{
    public function boot(): void
    {
        Route::get('{any}', function () {
            if (request('user')) {
                Auth::onceUsingId(request('user'));
            }
            return view('page');
        })->where('any', '.*');
    }
}

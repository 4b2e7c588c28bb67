// SPDX-License-Identifier: MIT
// doorbell.load.js - loads doorbell.min.js by the name that `make install` gave it, which is another whenever the file is, so that
// browsers keep the file for good, and ask about this one only. import() takes over nonce and crossorigin of this script's tag, and
// needs no policy of Trusted Types, as an inserted tag would.
self.doorbellScript = document.currentScript.src; // a module cannot tell by a classic script's means where it lies
import('./doorbell.min.js');

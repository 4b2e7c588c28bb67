# Doorbell: `make help` lists the targets. CC, CFLAGS, LDFLAGS, PREFIX and DESTDIR are the builder's.
VERSION := 0.1.0

PREFIX ?= /usr/local
SYSCONFDIR ?= /etc
UNITDIR ?= $(PREFIX)/lib/systemd/system
BUILD ?= build
CFLAGS ?= -O2 -g $(if $(SANITIZE),,-D_FORTIFY_SOURCE=2)
INSTALL ?= install
PKG_CONFIG ?= pkg-config
CLANG ?= clang-14
CLANG_FORMAT ?= clang-format-14

# SANITIZE=address,undefined or SANITIZE=thread, with a BUILD of its own.
SANITIZE ?=
# COVERAGE=1 and CC=clang-14 count which lines run: see tests/coverage.
COVERAGE ?=
# CI turns warnings into errors; a builder with another compiler is not stopped by a new warning.
# CI and SANITIZE make a broken invariant fatal.
WERROR := $(if $(CI),-Werror)

# The checkout and DESTDIR may have any name. These are words of rules, commands and configurations.
quote = '$(subst ','\'',$(1))'
unsafe := ' " ` \ ; : % * ? [ ] ~ ( ) & | < > ! = , $$ \#
is_unsafe = $(filter-out 1,$(words $(1)))$(strip $(foreach c,$(unsafe),$(findstring $(c),$(1))))
$(foreach name,BUILD PREFIX SYSCONFDIR UNITDIR,$(if $(call is_unsafe,$($(name))),\
	$(error $(name)="$($(name))": give a path without blanks, quotes and other special characters)))
$(foreach name,PREFIX SYSCONFDIR UNITDIR,$(if $(filter-out /%,$($(name))),\
	$(error $(name)="$($(name))": give a path that begins with a slash)))

packages_common := json-c libjwt libcrypto libseccomp
packages_app := libpq libcurl
packages_relay := libwebsockets hiredis
packages_test := cmocka

defines := -DDOORBELL_VERSION='"$(VERSION)"' -DDOORBELL_SYSCONFDIR='"$(SYSCONFDIR)"' \
	$(if $(SANITIZE)$(CI),-DDOORBELL_FATAL_INVARIANTS) $(if $(SANITIZE),-DDOORBELL_TRACEABLE)
our_cflags := -std=c11 -D_POSIX_C_SOURCE=200809L -I. $(defines) \
	-Wall -Wextra -Wpedantic -Wshadow -Wconversion $(WERROR) \
	-fno-strict-aliasing -fstack-protector-strong $(call quote,-ffile-prefix-map=$(CURDIR)=.) -pthread -MMD -MP \
	$(if $(SANITIZE),-fsanitize=$(SANITIZE) -fno-sanitize-recover=all -fno-omit-frame-pointer)
coverage_flags := $(if $(COVERAGE),-fprofile-instr-generate -fcoverage-mapping)
our_cflags += $(coverage_flags)
our_ldflags := -pthread $(coverage_flags) $(if $(SANITIZE),-fsanitize=$(SANITIZE)) -Wl,-z,relro,-z,now
# -isystem: the libraries' headers are not ours to mend.
cflags_of = $(patsubst -I%,-isystem %,$(shell $(PKG_CONFIG) --cflags $(1)))
libs_of = $(shell $(PKG_CONFIG) --libs $(1))

# layers.table says what is pure and what is shell; unit tests and fuzz targets link only the pure.
sources := $(sort $(shell find common fcgi-app relay -name '*.c'))
sources_of = $(shell printf '%s\n' $(filter $(1)/%,$(sources)) | \
	awk -v kind=$(2) -f tests/lint/layers.awk tests/lint/layers.table -)
pure := $(foreach folder,common fcgi-app relay,$(call sources_of,$(folder),pure))
os := $(call sources_of,common,shell)
app_shell := $(call sources_of,fcgi-app,shell)
relay_shell := $(call sources_of,relay,shell)

objects = $(patsubst %.c,$(BUILD)/%.o,$(1))
unit_tests := $(patsubst %.c,$(BUILD)/%,$(sort $(shell find tests/unit -name '*_test.c')))
fuzz_targets := $(patsubst tests/fuzz/%.c,$(BUILD)/fuzz/%,$(sort $(wildcard tests/fuzz/*_fuzz.c)))
bench_tools := $(patsubst %,$(BUILD)/bench/%,swarm epoll_ref load fcgi_const)
programs := $(BUILD)/doorbell-app $(BUILD)/doorbell-relay

all: $(programs)

help:
	@echo 'make run                 install what is missing, run everything on 127.0.0.1 (PORT=8080 RELAY_PORT=2120 PUBLISH_PORT=2121 VAR=./var BIND=127.0.0.1)'
	@echo 'make check               install what is missing, run every test, sanitizers included'
	@echo 'make check-unit          unit tests and the fuzz corpora (SANITIZE=address,undefined BUILD=build/asan)'
	@echo 'make check-integration   the programs with real nginx, apache, PostgreSQL and PHP'
	@echo 'make check-postgresql    the tests of the database with PostgreSQL 17 and 18, of newer releases of Debian, unpacked into $$BUILD (POSTGRESQL=17)'
	@echo 'make check-browser       the pages in Chromium, the demo in Firefox'
	@echo 'make lint                layers, purity, settings, PHP 5.6, man pages, shell scripts, format'
	@echo 'make model               how the truth reaches every page, in all orders of all steps, by spin (tests/model)'
	@echo 'make sim SEED=N          pages, relay, publisher and database under one seeded scheduler and virtual time (tests/sim); without SEED a fresh one'
	@echo 'make coverage            lines and branches that the unit tests and fuzz corpora run, by folder (COVERAGE_TESTS=FILES: and these)'
	@echo 'make page                www/doorbell.min.js and doorbell.mjs of what is in www/ (needs node, and npm ci in tests/)'
	@echo 'make pot                 the texts of the WordPress plugin for translators (needs node)'
	@echo 'make format              clang-format over the C sources'
	@echo 'make sample              deploy/doorbell.conf from the table of settings'
	@echo 'make fuzz FUZZ_SECONDS=60  every fuzz target for that long each'
	@echo 'make bench               install what is missing, run the benchmarks (tests/bench)'
	@echo 'make install uninstall   PREFIX=/usr/local SYSCONFDIR=/etc UNITDIR=PREFIX/lib/systemd/system DESTDIR='
	@echo 'make dist clean'

$(BUILD)/common/%.o: our_cflags += $(call cflags_of,$(packages_common))
$(BUILD)/fcgi-app/%.o: our_cflags += $(call cflags_of,$(packages_common) $(packages_app))
$(BUILD)/relay/%.o: our_cflags += $(call cflags_of,$(packages_common) $(packages_relay))
$(BUILD)/tests/%.o: our_cflags += $(call cflags_of,$(packages_common) $(packages_test))

# Changes when one of the defines does, and then all objects are stale.
$(BUILD)/defines: FORCE
	@mkdir -p $(@D)
	@echo $(call quote,$(defines)) | cmp -s - $@ || echo $(call quote,$(defines)) >$@

$(BUILD)/%.o: %.c $(BUILD)/defines
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(our_cflags) $(CFLAGS) -c -o $@ $<

# Another list makes another archive, also when no file is newer.
$(BUILD)/libpure.list: FORCE
	@mkdir -p $(@D)
	@echo '$(pure)' | cmp -s - $@ || echo '$(pure)' >$@

$(BUILD)/libpure.a: $(call objects,$(pure)) $(BUILD)/libpure.list
	@rm -f $@
	$(AR) qcsD $@ $(filter %.o,$^)

$(BUILD)/doorbell-app: $(call objects,$(app_shell) $(os)) $(BUILD)/libpure.a
	$(CC) $(our_ldflags) $(CFLAGS) $(LDFLAGS) -o $@ $^ \
		$(call libs_of,$(packages_common) $(packages_app)) -lfcgi

$(BUILD)/doorbell-relay: $(call objects,$(relay_shell) $(os)) $(BUILD)/libpure.a
	$(CC) $(our_ldflags) $(CFLAGS) $(LDFLAGS) -o $@ $^ \
		$(call libs_of,$(packages_common) $(packages_relay)) -lev -lm

$(filter $(BUILD)/tests/unit/common/os/%,$(unit_tests)): $(call objects,$(os))
$(BUILD)/tests/unit/%_test: $(BUILD)/tests/unit/%_test.o $(BUILD)/libpure.a
	$(CC) $(our_ldflags) $(CFLAGS) $(LDFLAGS) -o $@ $(filter %.o,$^) $(filter %.a,$^) \
		$(call libs_of,$(packages_common) $(packages_test)) -lm

# libFuzzer is clang's, so its targets have objects of their own.
fuzz_cflags = -std=c11 -D_GNU_SOURCE $(defines) -I. -g -O1 -MMD -MP \
	$(call cflags_of,$(packages_common)) -fsanitize=address,undefined -fno-sanitize-recover=all \
	$(call quote,-ffile-prefix-map=$(CURDIR)=.) $(coverage_flags)

$(BUILD)/fuzz/%.o: %.c $(BUILD)/defines
	@mkdir -p $(@D)
	$(CLANG) $(fuzz_cflags) -fsanitize=fuzzer-no-link -c -o $@ $<

$(BUILD)/fuzz/libpure.a: $(patsubst %.c,$(BUILD)/fuzz/%.o,$(pure)) $(BUILD)/libpure.list
	@rm -f $@
	$(AR) qcsD $@ $(filter %.o,$^)

$(BUILD)/fuzz/%_fuzz: tests/fuzz/%_fuzz.c $(BUILD)/fuzz/libpure.a
	$(CLANG) $(fuzz_cflags) -fsanitize=fuzzer -o $@ $(filter-out %.h,$^) $(call libs_of,$(packages_common)) -lm

# Preloaded into a program whose calls a test lets fail.
$(BUILD)/faults.so: tests/faults/faults.c $(BUILD)/defines
	$(CC) $(our_cflags) $(CFLAGS) -fPIC -shared -o $@ $<

$(BUILD)/bench/fcgi_const: bench_libs := -lfcgi
$(BUILD)/bench/epoll_ref: bench_libs := -lcrypto
$(BUILD)/bench/swarm: $(addprefix $(BUILD)/tests/bench/,asker.o page.o)
$(BUILD)/bench/%: $(BUILD)/tests/bench/%.o $(BUILD)/tests/bench/kit.o
	@mkdir -p $(@D)
	$(CC) $(our_ldflags) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(bench_libs)

# The relays' core, for a simulation of many pages.
$(BUILD)/bench/relays: $(call objects,tests/bench/scale/relays.c relay/server/protocols.c) $(BUILD)/libpure.a
	@mkdir -p $(@D)
	$(CC) $(our_ldflags) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(call libs_of,$(packages_common)) -lm

# What the simulation runs of the two programs: the relay's core, the app's publisher.
publisher := $(filter fcgi-app/store/%,$(app_shell)) $(addprefix fcgi-app/workers/,publisher.c teller.c relay_client.c)
$(BUILD)/sim/relay: $(call objects,tests/sim/relay.c relay/server/protocols.c)
$(BUILD)/sim/app: $(call objects,$(addprefix tests/sim/,app.c database.c curl.c) $(publisher))
$(BUILD)/sim/app: sim_ldflags := -Wl,--wrap=poll,--wrap=clock_gettime
$(BUILD)/sim/%: $(BUILD)/tests/sim/wire.o $(BUILD)/libpure.a
	@mkdir -p $(@D)
	$(CC) $(our_ldflags) $(sim_ldflags) $(CFLAGS) $(LDFLAGS) -o $@ $(filter %.o,$^) $(filter %.a,$^) \
		$(call libs_of,$(packages_common)) -lm

run:
	@deploy/run/run

check check-unit check-integration check-browser:
	@tests/$@

check-postgresql:
	@tests/$@ $(POSTGRESQL)

lint:
	@tests/lint/all

model:
	@tests/model/check

sim:
	@tests/sim/run $(SEED)

coverage:
	@tests/coverage $(COVERAGE_TESTS)

build-unit: $(unit_tests)
build-fuzz: $(fuzz_targets)
build-bench: $(bench_tools) $(BUILD)/bench/relays
build-faults: $(BUILD)/faults.so
build-sim: $(BUILD)/sim/relay $(BUILD)/sim/app

format:
	$(CLANG_FORMAT) -i $$(git ls-files '*.c' '*.h')

# The sample comes out of the table of settings.
$(BUILD)/settings_table: tests/lint/settings_table.c $(BUILD)/libpure.a
	$(CC) $(our_cflags) $(CFLAGS) $(LDFLAGS) -o $@ $^

sample: $(BUILD)/settings_table
	$(BUILD)/settings_table sample >deploy/doorbell.conf

fuzz: build-fuzz
	@tests/fuzz/run $(BUILD)/fuzz $(or $(FUZZ_SECONDS),60)

bench:
	@tests/bench/run

# The texts of the WordPress plugin, for translators.
pot:
	@node www/php/wordpress/pot.mjs

# What is installed: of each place the folder, and the files. Those of `texts` name /usr/local and
# /etc/doorbell, so that they can be used and pasted as they are; installed, they name PREFIX and
# SYSCONFDIR (the last, as it may lie in /usr/local). Those of `trees` lie as they do here. The WordPress plugin
# takes the client along: a site copies its folder.
plugin := wordpress $(addprefix wordpress/,includes js languages)
texts := samples nginx apache php laravel psr18 symfony $(plugin) man5 man8 units users
trees := sql/schema sql/notifynder $(patsubst %/,%,$(sort $(wildcard sql/functions/*/ www/bell/*/ www/ui/*/))) www/bell www/ui www/words
bundles := doorbell.min.js doorbell.mjs
hashed := doorbell.????????????.min.js
zipped := $(bundles) bell/min/worker.js ui/min/list.js ui/min/toasts.js
places := programs sql www $(trees) $(texts)
share := $(PREFIX)/share/doorbell

folder_of_programs := $(PREFIX)/sbin
files_of_programs := $(programs) sql/doorbell-migrate sql/doorbell-purge sql/doorbell-import-notifynder
folder_of_sql := $(share)/sql
files_of_sql := sql/attributes.sql sql/roles.sql
folder_of_www := $(share)/www
files_of_www := www/doorbell.js www/doorbell.d.ts www/doorbell.d.mts www/elements.js www/doorbell.load.js $(addprefix www/,$(bundles) $(addsuffix .map,$(bundles)))
$(foreach tree,$(trees),$(eval folder_of_$(tree) := $(share)/$(tree)) \
	$(eval files_of_$(tree) := $(sort $(wildcard $(tree)/*.sql $(tree)/*.pl $(tree)/*.js))))
folder_of_samples := $(share)
files_of_samples := deploy/doorbell.conf www/openapi.yaml
folder_of_nginx := $(share)/nginx
files_of_nginx := $(sort $(wildcard deploy/nginx/*.conf))
folder_of_apache := $(share)/apache
files_of_apache := $(sort $(wildcard deploy/apache/*.conf))
folder_of_php := $(share)/php
files_of_php := www/php/doorbell.php www/php/composer.json
folder_of_laravel := $(share)/php/laravel
files_of_laravel := $(sort $(wildcard www/php/laravel/*.php www/php/laravel/*.sql))
folder_of_psr18 := $(share)/php/psr18
files_of_psr18 := www/php/psr18/Psr18Http.php
folder_of_symfony := $(share)/php/symfony
files_of_symfony := $(sort $(wildcard www/php/symfony/*.php))
folder_of_wordpress := $(share)/php/wordpress/doorbell
files_of_wordpress := $(sort $(wildcard www/php/wordpress/doorbell/*.*))
$(foreach part,$(filter-out wordpress,$(plugin)),$(eval folder_of_$(part) := $(folder_of_wordpress)/$(notdir $(part))) \
	$(eval files_of_$(part) := $(sort $(wildcard www/php/wordpress/doorbell/$(notdir $(part))/*))))
files_of_wordpress/includes += www/php/doorbell.php
folder_of_man5 := $(PREFIX)/share/man/man5
files_of_man5 := common/config/doorbell.conf.5
folder_of_man8 := $(PREFIX)/share/man/man8
files_of_man8 := fcgi-app/doorbell-app.8 relay/doorbell-relay.8 sql/doorbell-migrate.8 \
	sql/doorbell-purge.8 sql/doorbell-import-notifynder.8
folder_of_units := $(UNITDIR)
files_of_units := $(sort $(wildcard deploy/systemd/*.service deploy/systemd/*.socket deploy/systemd/*.timer))
folder_of_users := $(PREFIX)/lib/sysusers.d
files_of_users := deploy/systemd/sysusers.d/doorbell.conf

# Of a place: its folder, and the files in it.
target_folder = $(call quote,$(DESTDIR)$(folder_of_$(1)))
target_files = $(foreach file,$(notdir $(files_of_$(1))),$(call quote,$(DESTDIR)$(folder_of_$(1))/$(file)))

define put
$(INSTALL) -d $(call target_folder,$(1))
$(INSTALL) -m $(if $(filter programs,$(1)),755,644) $(files_of_$(1)) $(call target_folder,$(1))
$(if $(filter $(texts),$(1)),sed -i -e 's|/usr/local|$(PREFIX)|g' -e 's|/etc/doorbell|$(SYSCONFDIR)/doorbell|g' \
	$(call target_files,$(1)))

endef

# What a page loads, in two files. Built files are in the repository: a site needs no node.
page:
	@node www/bundle.mjs

# The script by a name of its content too, which the loader gets to know; and compressed, also by brotli where that is installed.
# Names of before stay: pages that are kept somewhere may have them.
define prepare_page
cd $(call target_folder,www) && rm -f $(addsuffix .br,$(zipped)) && name=doorbell.$$(sha256sum doorbell.min.js | cut -c 1-12).min.js && \
	$(INSTALL) -m 644 doorbell.min.js "$$name" && sed -i "s|'./doorbell.min.js'|'./$$name'|" doorbell.load.js && \
	gzip -9nkf $(zipped) "$$name" && if command -v brotli >/dev/null; then brotli -kf $(zipped) "$$name"; fi
endef

install: all
	$(foreach place,$(places),$(call put,$(place)))
	$(prepare_page)
	$(INSTALL) -d $(call quote,$(DESTDIR)$(SYSCONFDIR)/doorbell)

# Folders that are ours go when they are empty; those of the system stay.
our_folders := $(trees) sql/functions sql www nginx apache php/laravel php/psr18 php/symfony \
	$(addprefix php/wordpress/doorbell/,includes js languages) php/wordpress/doorbell php/wordpress php .

uninstall:
	rm -f $(foreach place,$(places),$(call target_files,$(place))) \
		$(foreach file,$(zipped),$(foreach suffix,gz br,$(call quote,$(DESTDIR)$(share)/www/$(file).$(suffix)))) \
		$(addprefix $(call target_folder,www)/,$(hashed) $(hashed).gz $(hashed).br)
	@for folder in $(foreach name,$(our_folders),$(call quote,$(DESTDIR)$(share)/$(name))) \
		$(call quote,$(DESTDIR)$(SYSCONFDIR)/doorbell); do \
		if [ -d "$$folder" ]; then rmdir --ignore-fail-on-non-empty "$${folder%/.}"; fi; \
	done

dist:
	git archive --prefix=doorbell-$(VERSION)/ -o doorbell-$(VERSION).tar.gz HEAD

clean:
	rm -rf $(BUILD)

-include $(shell [ -d $(BUILD) ] && find $(BUILD) -type f -name '*.d')

.PHONY: all help page pot run coverage check check-unit check-integration check-postgresql check-browser lint model sim build-unit build-fuzz build-bench build-faults build-sim \
	format sample fuzz bench install uninstall dist clean FORCE
.SECONDARY:

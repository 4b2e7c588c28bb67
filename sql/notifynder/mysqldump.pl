#!/usr/bin/perl
# SPDX-License-Identifier: MIT
# mysqldump.pl NAME PREFIX ZONE - reads a dump of MySQL or MariaDB from standard input, and writes the rows of Notifynder's tables as
# COPY blocks for psql. NAME is what messages call the dump; ZONE is empty if nobody has said in which zone times without one are.
# Exits 65 if the dump cannot be read to its end; the reader of the output must then not commit.
#
# The dump is read as MySQL's client would read it, statement by statement, in a window that moves over it. A row of ours has to
# fit into the window, which grows for it up to ROW_MAX; everything else passes through. Expressions that look at the window have
# no captures, for which perl would copy all of it each time: what is needed is cut out first.
#
# Needs nothing that is not in Debian's perl-base.
use strict;
use warnings;
no warnings 'utf8';

use constant {
    CHUNK => 1 << 18,
    CHUNK_MAX => 1 << 22,
    HEAD_MAX => 1 << 16,
    ROW_MAX => 1 << 24,
    VALUE_MAX => 1 << 20,
};

# Of each table of Notifynder's: its temporary table, the columns to take, and those without which it is another program's.
my %tables = (
    notifications => {
        to => 'notification',
        take => [qw(id from_id from_type to_id to_type category_id url extra read expires_at expire_time created_at stack_id)],
        need => [qw(id to_id category_id read created_at)],
    },
    notification_categories => {to => 'category', take => [qw(id name text)], need => [qw(id name text)]},
    notification_groups => {to => 'category_group', take => [qw(id name)], need => [qw(id name)]},
    notifications_categories_in_groups =>
        {to => 'category_in_group', take => [qw(category_id group_id)], need => [qw(category_id group_id)]},
);
my %is_time = map { $_ => 1 } qw(created_at expires_at expire_time);

my ($name, $prefix, $zone_said) = @ARGV;
my $window = '';       # what has been read and not been passed
my $base = 0;          # bytes before the window
my $lines = 1;         # line number of $counted
my $counted = 0;       # a place in the window
my $is_over = 0;       # nothing follows the window
my $delimiter = ';';
my $heading = 0;       # line of mysqldump's first words, until its last ones
my $database = '';     # as USE says
my %owner;             # the databases that our tables are in
my %lookalikes;        # tables with another prefix
my %session = (character_set_client => 'utf8mb4', time_zone => 'SYSTEM', sql_mode => '');
my %variables;
my $has_backslashes = 1;
my %noted;
my $copying = '';      # the table whose block is open
my $out = '';

# --- The window

sub line_here {
    my $here = pos $window;
    $lines += substr($window, $counted, $here - $counted) =~ tr/\n//;
    $counted = $here;
    return $lines;
}

# What others wrote cannot move the cursor of a terminal.
sub say_of {
    my ($where, $text) = @_;
    $text =~ s/[\x00-\x1f\x7f]/?/g;
    print STDERR "doorbell-import-notifynder: $name$where: $text\n";
}

sub fail {
    my ($text) = @_;
    my $byte = $base + pos $window;
    say_of(':' . line_here() . " (byte $byte)", $text);
    exit 65;
}

sub cut_off {
    my ($within) = @_;
    fail("the dump is cut off within $within: make it again, and look at what mysqldump says");
}

sub note {
    my ($text) = @_;
    say_of('', $text) unless $noted{$text}++;
}

# Reads as much again as is waiting, so that a long row is looked at only a few times. False at the end.
sub fill {
    return 0 if $is_over;
    my $here = pos $window;
    line_here();
    substr($window, 0, $here) = '';
    $base += $here;
    $counted = 0;
    my $size = length $window;
    my $enough = $size + ($size < CHUNK ? CHUNK : $size < CHUNK_MAX ? $size : CHUNK_MAX);
    while (!$is_over && length $window < $enough) {
        my $got = sysread STDIN, $window, $enough - length $window, length $window;
        pos($window) = 0;
        fail("cannot read on: $!") unless defined $got;
        $is_over = $got == 0;
    }
    return length $window > $size;
}

# Has that many bytes in the window, unless the dump ends before.
sub look_ahead {
    my ($bytes) = @_;
    while (length($window) - pos($window) < $bytes) {
        fill() or return;
    }
}

# What the expression, which has no captures, finds here, and passes it.
sub take {
    my ($expression) = @_;
    my $here = pos $window;
    return undef unless $window =~ /\G$expression/gc;
    return substr $window, $here, pos($window) - $here;
}

# --- What is passed over

sub pass_line_comment {
    look_ahead(256);
    my $text = substr $window, pos $window, 256;
    if ($text =~ /^-- (?:MySQL|MariaDB) dump /) {
        fail("the dump that began in line $heading is cut off before this one: make it again") if $heading;
        $heading = line_here();
    } elsif ($text =~ /^-- Dump completed/) {
        $heading = 0;
    }
    until ($window =~ /\G[^\n]*+\n/gc) {
        pos($window) = length $window;
        fill() or return;
    }
}

sub pass_comment {
    my $end;
    while (($end = index $window, '*/', pos $window) < 0) {
        pos($window) = length($window) - 1 if pos($window) < length $window;
        fill() or cut_off('a comment');
    }
    pos($window) = $end + 2;
}

# Blanks, comments, and the marks around /*!40101 what MySQL executes */.
sub pass_blank {
    while (1) {
        next if $window =~ /\G\s+/gc;
        look_ahead(16);
        if ($window =~ /\G(?:#|--(?=\s|\z))/) {
            pass_line_comment();
        } elsif ($window =~ /\G\/\*(?!!)/gc) {
            pass_comment();
        } elsif ($window !~ /\G(?:\/\*!\d*|\*\/)/gc && $window !~ /\G\s/) {
            return;
        }
    }
}

# The rest of a text in quotes, however long it is.
sub pass_text {
    my ($quote) = @_;
    my $part = $quote ne '`' && $has_backslashes ? qr/(?:[^$quote\\]++|\\.){1,30000}+/s : qr/[^$quote]++/;
    while (1) {
        next if $window =~ /\G$part/gc;
        return if $window =~ /\G$quote/gc;
        fill() or cut_off('a text');
    }
}

# The rest of a statement, with what ends it.
sub pass_statement {
    my $first = quotemeta substr $delimiter, 0, 1;
    my $plain = qr/[^'"`#\/*$first-]++/;
    my $text = $has_backslashes ? qr/'(?:[^'\\]++|\\.){0,30000}+'/s : qr/'[^']*+'/;
    my $bulk = qr/(?:$plain|$text){1,1000}+/;
    while (1) {
        next if $window =~ /\G$bulk/gc;
        look_ahead(16);
        return if $window =~ /\G\Q$delimiter\E/gc;
        if ($window =~ /\G['"`]/gc) {
            pass_text(substr $window, pos($window) - 1, 1);
        } elsif ($window =~ /\G(?:#|--\s|\/\*|\*\/)/) {
            pass_blank();
        } elsif ($window !~ /\G./gcs) {
            cut_off('a statement');
        }
    }
}

# --- SET: what it says of characters, times and backslashes, and what variables remember of these

# Undefined where it is a variable that has not been set, as in a part of a dump.
sub value_of {
    my ($text) = @_;
    return $2 if $text =~ /^(['"])(.*)\1$/s;
    return $variables{lc $1} if $text =~ /^@([^@].*)$/s;
    return $session{lc $1} if $text =~ /^@@(?:\w+\.)?(\w+)$/;
    return $text;
}

sub read_set {
    my $here = pos $window;
    my $text = take(qr/[^'";*]*+(?:(?:'[^']*+'|"[^"]*+"|\*(?!\/))[^'";*]*+)*+/);
    pos($window) = $here;
    pass_statement();
    $session{character_set_client} = $1 if $text =~ s/^\s*NAMES\s+['"]?(\w+)['"]?//i;
    while ($text =~ /\G[\s,]*(?:SESSION\s+|GLOBAL\s+)?([\w@.]+)\s*:?=\s*('[^']*'|"[^"]*"|[^\s,]+)/gci) {
        my ($word, $value) = ($1, value_of($2));
        next unless defined $value;
        if ($word =~ /^@([^@].*)$/) {
            $variables{lc $1} = $value;
        } elsif ($word =~ /^(?:@@)?(?:\w+\.)?(\w+)$/ && exists $session{lc $1}) {
            $session{lc $1} = $value;
        }
    }
    $has_backslashes = $session{sql_mode} !~ /NO_BACKSLASH_ESCAPES/i;
}

# --- Names and columns

my $identifier = qr/(?:`(?:[^`]|``)++`|"(?:[^"]|"")++"|[\w\$]++)/;

sub bare {
    my ($word) = @_;
    return $word unless $word =~ s/^([`"])(.*)\1$/$2/s;
    my $quote = $1;
    $word =~ s/$quote$quote/$quote/g;
    return $word;
}

# The name of a table: Notifynder's own word for it, or undef.
sub read_table {
    my $text = take(qr/$identifier(?:\s*\.\s*$identifier)?\s*/) // return undef;
    my ($table, $of) = reverse map { bare($_) } $text =~ /($identifier)/g;
    for my $ours (keys %tables) {
        next unless $table =~ /^(.*)\Q$ours\E$/s;
        return claim($ours, $of // $database) if $1 eq $prefix;
        $lookalikes{$ours}{$1} = 1;
    }
    return undef;
}

sub claim {
    my ($ours, $of) = @_;
    my ($other) = grep { $_ ne $of } values %owner;
    fail("Notifynder's tables are in two databases, $other and $of: dump one of them alone") if defined $other;
    $owner{$ours} = $of;
    return $ours;
}

# The rest of a column or key, with the comma after it.
sub pass_definition {
    my $depth = 0;
    while (1) {
        next if $window =~ /\G[^'"`(),]++/gc;
        my $mark = substr $window, pos $window, 1;
        return if $depth == 0 && $mark eq ')';
        $window =~ /\G./gcs or fill() && next or cut_off('CREATE TABLE');
        return if $depth == 0 && $mark eq ',';
        $depth += $mark eq '(' ? 1 : $mark eq ')' ? -1 : 0;
        pass_text($mark) if $mark =~ /['"`]/;
    }
}

# The columns of CREATE TABLE in their order, and the first word of their types.
sub read_create {
    my ($table) = @_;
    my (@names, %types);
    $table->{is_seen} = 1;
    pos($window)++;
    while (1) {
        pass_blank();
        look_ahead(HEAD_MAX);
        last if $window =~ /\G\)/gc;
        unless (take(qr/(?:PRIMARY|UNIQUE|KEY|INDEX|FULLTEXT|SPATIAL|CONSTRAINT|FOREIGN|CHECK|PERIOD)\b/i)) {
            my $word = take(qr/$identifier\s++/) // fail('cannot read the columns of CREATE TABLE: dump the table with mysqldump');
            push @names, lc bare($word =~ s/\s+$//r);
            $types{$names[-1]} = lc(take(qr/\w+/) // '');
        }
        pass_definition();
    }
    $table->{names} = \@names;
    $table->{types} = \%types;
    $table->{is_utf8mb4} = substr($window, pos $window, 1024) =~ /^[^;]*utf8mb4/;
    pass_statement();
}

# --- Values

my %patterns;

# Expressions for a value as it is written, for a row of them, and for each of the row.
sub patterns {
    return $patterns{$has_backslashes} //= do {
        my ($one, $two) = map {
            my $inner = $has_backslashes ? qr/(?:[^$_\\]++|\\.|$_$_){1,30000}+/s : qr/(?:[^$_]++|$_$_){1,30000}+/;
            qr/$_(?:$inner){0,30000}+$_/;
        } "'", '"';
        my $value = qr/(?:[A-Za-z_]\w*+\s*+)?(?:$one|$two)|[-+\w.]++/;
        my $open = qr/\w*+\s*+(?:'(?:[^'\\]++|\\.|''){0,30000}+|"(?:[^"\\]++|\\.|""){0,30000}+)\\?\z/s;
        {start => qr/\(?\s*+(?:(?:$value)\s*+,\s*+)*+/, cut => qr/(?:$value)?\s*+\z|$open/, row => qr/\(\s*+(?:$value)\s*+(?:,\s*+(?:$value)\s*+)*+\)/, each => qr/\G[(,]\s*+($value)\s*+/};
    };
}

my %escapes = (0 => "\0", b => "\b", n => "\n", r => "\r", t => "\t", Z => "\x1a", '%' => '\\%', _ => '\\_');

# What others call Windows-1252 is MySQL's latin1: 0x80 to 0x9f.
my @upper = (
    0x20ac, 0x81, 0x201a, 0x192, 0x201e, 0x2026, 0x2020, 0x2021, 0x2c6, 0x2030, 0x160, 0x2039, 0x152, 0x8d, 0x17d, 0x8f,
    0x90, 0x2018, 0x2019, 0x201c, 0x201d, 0x2022, 0x2013, 0x2014, 0x2dc, 0x2122, 0x161, 0x203a, 0x153, 0x9d, 0x17e, 0x178,
);

sub is_utf8 {
    my ($text) = @_;
    return utf8::decode($text) && $text !~ /[\x{d800}-\x{dfff}\x{110000}-\x{7fffffff}]/;
}

sub utf8_of_latin1 {
    my ($text) = @_;
    $text =~ s/([\x80-\x9f])/chr $upper[ord($1) - 128]/ge;
    utf8::encode($text);
    return $text;
}

# The characters of the dump, or why they cannot be read.
my %charsets = (utf8 => 'utf8', utf8mb3 => 'utf8', utf8mb4 => 'utf8', latin1 => 'latin1', ascii => 'utf8', binary => 'utf8');

sub charset {
    my ($word) = @_;
    return $charsets{lc $word}
        // fail("its texts are in $word: dump with --default-character-set=utf8mb4, which turns every table's into UTF-8");
}

# What is between quotes.
sub unquote {
    my ($text) = @_;
    my $quote = chop $text;
    $text = substr $text, 1;
    if (!$has_backslashes) {
        $text =~ s/$quote$quote/$quote/g;
    } elsif (index($text, $quote) >= 0) {
        $text =~ s{\\(.)|$quote$quote}{defined $1 ? $escapes{$1} // $1 : $quote}ges;
    } elsif (index($text, '\\') >= 0) {
        $text =~ s{\\(.)}{$escapes{$1} // $1}ges;
    }
    return $text;
}

# A value that is not just NULL, a number or a text in quotes: its bytes, and their characters.
sub read_rare {
    my ($raw) = @_;
    return (pack('H*', $1), 'utf8') if $raw =~ /^(?:0x|x')((?:[0-9a-f]{2})*)'?$/i;
    return (oct "0b$1", 'utf8') if $raw =~ /^(?:0b|b')([01]{1,32})'?$/i;
    return (unquote($2), charset($1)) if $raw =~ /^_(\w+)\s*(['"].*)$/s;
    return (unquote($1), charset($session{character_set_client})) if $raw =~ /^(?:n\s*)?(['"].*)$/is;
    return ($raw =~ /^t/i ? 1 : 0, 'utf8') if $raw =~ /^(?:true|false)$/i;
    fail('cannot read the value ' . substr($raw, 0, 40) . ': dump the table with mysqldump');
}

# A value as COPY takes it, and what is wrong with it.
sub field {
    my ($raw) = @_;
    return '\N' if uc $raw eq 'NULL';
    return $raw if $raw =~ /^[-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?\z/i;
    my ($text, $charset) = $raw =~ /^'/ ? (unquote($raw), undef) : read_rare($raw);
    if ($text =~ tr/\x80-\xff//) {
        $charset //= charset($session{character_set_client});
        if ($charset eq 'latin1') {
            $text = utf8_of_latin1($text);
        } elsif (!is_utf8($text)) {
            return ('\N', 'is not UTF-8: dump with --default-character-set=utf8mb4');
        }
    }
    return ('\N', 'is more than ' . VALUE_MAX . ' bytes') if length $text > VALUE_MAX;
    if ($text =~ tr/\0\\\n\r\t//) {
        return ('\N', 'has a NUL, which PostgreSQL cannot store') if index($text, "\0") >= 0;
        $text =~ s/\\/\\\\/g;
        $text =~ s/\n/\\n/g;
        $text =~ s/\r/\\r/g;
        $text =~ s/\t/\\t/g;
    }
    return $text;
}

# --- Rows

# Where the columns that we take are among those of a row, and what goes behind a time.
sub plan {
    my ($ours, $names) = @_;
    my $table = $tables{$ours};
    my %place;
    @place{@$names} = 0 .. $#$names;
    my @missing = grep { !exists $place{$_} } @{$table->{need}};
    fail("the table $prefix$ours has no column $missing[0], so it is not Notifynder's: --prefix says which one is") if @missing;
    my $zone = $session{time_zone} =~ /^(?:SYSTEM)?\z/i ? '' : $session{time_zone};
    fail("cannot read the time zone $zone: dump with --tz-utc") if $zone !~ /^[\w\/:+-]{0,64}\z/;
    $zone = " $zone" if $zone =~ /^\w/;
    my @steps;
    for my $column (grep { exists $place{$_} } @{$table->{take}}) {
        my $has_zone = ($table->{types}{$column} // '') ne 'datetime';
        push @steps, [$column, $place{$column}, $is_time{$column} ? ($has_zone ? $zone : '') : undef];
    }
    return {steps => \@steps, width => scalar @$names};
}

# The time in its zone.
sub timed {
    my ($text, $zone) = @_;
    return $text unless $text =~ /^[1-9]\d{3}-/;
    note("it does not say in which zone its times are, so they are taken as UTC's: --timezone says another")
        if $zone eq '' && ($zone_said // '') eq '';
    return $text . $zone;
}

sub begin_copy {
    my ($table, $plan) = @_;
    my $columns = join ', ', map { "\"$_->[0]\"" } @{$plan->{steps}};
    my $head = "COPY $table->{to} ($columns, line, byte, fault) FROM STDIN;\n";
    return if $copying eq $head;
    end_copy();
    $out .= $head;
    $copying = $head;
}

sub end_copy {
    $out .= "\\.\n" if $copying ne '';
    $copying = '';
    print $out or exit 74;
    $out = '';
}

sub write_row {
    my ($row, $plan, $line, $byte) = @_;
    my $each = patterns()->{each};
    my @raw = $row =~ /$each/g;
    fail('a row has ' . scalar(@raw) . " values for $plan->{width} columns: dump the table with mysqldump") if @raw != $plan->{width};
    my ($fault, @fields);
    for my $step (@{$plan->{steps}}) {
        my $raw = $raw[$step->[1]];
        # Most values are short and plain, and this is where the time goes.
        my ($text, $wrong) = length $raw < 4096 && $raw =~ /^'([ -&(-\[\]-~]*)'\z/ ? $1 : field($raw);
        $text = timed($text, $step->[2]) if defined $step->[2];
        $fault //= "$step->[0] $wrong" if defined $wrong;
        push @fields, $text;
    }
    $out .= join("\t", @fields, $line, $byte, $fault // '\N') . "\n";
    if (length $out > CHUNK) {
        print $out or exit 74;
        $out = '';
    }
}

# Has a whole row in the window, and returns it.
sub take_row {
    while (1) {
        my $row = take(patterns()->{row});
        fail('a row is of more than ' . ROW_MAX . ' bytes: leave it out of the dump, with --where')
            if (defined $row ? length $row : length($window) - pos $window) > ROW_MAX;
        return $row if defined $row;
        next if fill();
        take(patterns()->{start});
        cut_off('a row') if defined take(patterns()->{cut});
        fail('cannot read this row: dump the table with mysqldump');
    }
}

sub read_rows {
    my ($table, $plan) = @_;
    begin_copy($table, $plan);
    while (1) {
        pass_blank();
        my ($line, $byte) = (line_here(), $base + pos $window);
        write_row(take_row(), $plan, $line, $byte);
        look_ahead(64);
        next if $window =~ /\G,/gc;
        pass_blank();
        next if $window =~ /\G,/gc;
        last if $window =~ /\G(?:;|ON\s+DUPLICATE\b|AS\s)/i;
        cut_off('INSERT') if pos($window) == length $window;
        fail('cannot read on after this row: dump the table with mysqldump');
    }
    pass_statement();
}

# --- Statements

my ($last_head, $last_table, $last_plan) = ('');

sub read_insert {
    my ($at, $here) = ($base, pos $window);
    take(qr/(?:INSERT|REPLACE)\b/i);
    do { pass_blank() } while take(qr/(?:LOW_PRIORITY|DELAYED|HIGH_PRIORITY|IGNORE|INTO)\b/i);
    my $ours = read_table();
    return pass_statement() unless defined $ours;
    my $table = $tables{$ours};
    $table->{is_seen} = 1;
    pass_blank();
    my $list = take(qr/\(\s*$identifier\s*(?:,\s*$identifier\s*)*\)/);
    pass_blank();
    defined take(qr/VALUES?/i) or fail('cannot read this INSERT: dump the table with mysqldump');
    my $names = defined $list ? [map { lc bare($_) } $list =~ /($identifier)/g] : $table->{names};
    fail('it does not name the columns: dump with CREATE TABLE, or with --complete-insert') unless $names;
    note('it is in ' . $session{character_set_client} . ', which has no emoji, where the table may: dump with --default-character-set=utf8mb4')
        if $table->{is_utf8mb4} && $session{character_set_client} =~ /^utf8(?:mb3)?$/i;
    charset($session{character_set_client});
    $last_plan = plan($ours, $names);
    $last_table = $table;
    $last_head = $base == $at ? substr $window, $here, pos($window) - $here : '';
    read_rows($table, $last_plan);
}

# In a dump without --extended-insert each row has the head of the one before.
sub is_same_head {
    return 0 if $last_head eq '' || substr($window, pos $window, length $last_head) ne $last_head;
    pos($window) += length $last_head;
    return 1;
}

sub read_statement {
    return read_rows($last_table, $last_plan) if is_same_head();
    return read_insert() if $window =~ /\G(?:INSERT|REPLACE)\b/i;
    $last_head = '';
    if (defined take(qr/CREATE\s+TABLE\s+(?:IF\s+NOT\s+EXISTS\s+)?/i)) {
        my $ours = read_table();
        return defined $ours && $window =~ /\G\(/ ? read_create($tables{$ours}) : pass_statement();
    }
    return read_set() if defined take(qr/SET\b/i);
    if (defined take(qr/DELIMITER[ \t]+/i)) {
        $delimiter = take(qr/\S+/) // ';';
    } elsif (defined take(qr/USE\s+/i)) {
        $database = bare(take($identifier) // '');
        pass_statement();
    } else {
        pass_statement();
    }
}

# Refuses what is no dump, by its first bytes.
sub check_start {
    look_ahead(16);
    my $start = substr $window, 0, 16;
    fail('it is compressed: zcat it into this command, with - for the file') if $start =~ /^(?:\x1f\x8b|BZh|\xfd7zXZ|\x28\xb5\x2f\xfd|PK)/;
    fail("it is UTF-16, as PowerShell's > writes it: dump with --result-file") if $start =~ /^(?:\xff\xfe|\xfe\xff)/;
    fail('it is XML: dump without --xml') if $start =~ /^<\?xml/;
    pos($window) = 3 if $start =~ /^\xef\xbb\xbf/;
}

sub check_tables {
    for my $ours (qw(notification_categories notifications)) {
        next if $tables{$ours}{is_seen};
        my ($other) = sort map { keys %$_ } grep { defined } @lookalikes{qw(notification_categories notifications)};
        fail("there is no table $prefix$ours in it" . (defined $other ? ", but there is $other$ours: give --prefix '$other'" : ': dump it too'));
    }
}

pos($window) = 0;
check_start();
while (1) {
    pass_blank();
    look_ahead(HEAD_MAX);
    last if pos($window) == length $window;
    read_statement();
}
fail("the dump that began in line $heading is cut off, for its last words are missing: make it again") if $heading;
check_tables();
end_copy();
close STDOUT or exit 74;

<?php
// SPDX-License-Identifier: MIT

use Doorbell\Laravel\Everybody;
use Doorbell\Laravel\InstallCommand;
use Illuminate\Database\Eloquent\Model;
use Illuminate\Database\QueryException;
use Illuminate\Notifications\DatabaseNotification;
use Illuminate\Notifications\DatabaseNotificationCollection;
use Illuminate\Notifications\Notifiable;
use Illuminate\Notifications\Notification;
use Illuminate\Support\Carbon;
use Illuminate\Support\Facades\Notification as Notifications;

require_once __DIR__ . '/LaravelCase.php';

class Member extends Model
{
    use Notifiable;

    protected $table = 'users';
    protected $guarded = [];
    public $timestamps = false;
}

class Guest extends Member
{
}

class InvoicePaid extends Notification
{
    public $data;

    public function __construct(array $data)
    {
        $this->data = $data;
    }

    public function via($notifiable)
    {
        return ['database'];
    }

    public function toArray($notifiable)
    {
        return $this->data;
    }
}

// Laravel's own models, relations and channel on the view, as an application has them.
final class NotificationsTest extends LaravelCase
{
    private $user;

    protected function setUp(): void
    {
        parent::setUp();
        $owner = $this->app['db']->connection('owner');
        $owner->unprepared('CREATE TABLE IF NOT EXISTS public.users (id bigserial PRIMARY KEY, name text);
            GRANT ALL ON public.users TO shop; GRANT USAGE ON public.users_id_seq TO shop');
        [$status, $said] = $this->artisan(InstallCommand::class, ['--database' => 'owner']);
        $this->assertSame(0, $status, $said);
        $owner->select('SELECT doorbell.recall(id) FROM doorbell.message WHERE feed_id IS NOT NULL AND live'); // of the tests before
        $this->user = Member::create(['name' => 'Ada']);
    }

    protected function tearDown(): void
    {
        $off = $this->app['db']->connection('owner')->select('SELECT * FROM doorbell.recount()');
        $this->assertSame([], $off, 'every count is right');
        parent::tearDown();
    }

    private function assertCounts(int $unread, int $all): void
    {
        $this->assertSame($unread, $this->user->unreadNotifications()->count());
        $this->assertSame($all, $this->user->notifications()->count());
        $this->assertSame($all - $unread, $this->user->readNotifications()->count());
        $this->assertSame($unread, $this->bell->unread((string) $this->user->id)['num']);
        $this->assertCount($all, $this->bell->messages((string) $this->user->id)['messages']);
    }

    private function send(string $title, array $more = []): int
    {
        return $this->bell->send((string) $this->user->id, $title, $more)['id'];
    }

    public function testNotifyIsKeptToTheByteAndShownByTheBell(): void
    {
        $data = ['title' => 'Paid', 'message' => '茶 "and" </b>', 'url' => '/invoices/7', 'z' => 1, 'a' => [1.0, null, []], 'empty' => new stdClass()];
        $this->user->notify(new InvoicePaid($data));
        $row = $this->app['db']->table('notifications')->where('notifiable_id', $this->user->id)->first();
        $this->assertSame(json_encode($data), $row->data);
        $this->assertSame(InvoicePaid::class, $row->type);
        $this->assertSame([Member::class, $this->user->id], [$row->notifiable_type, $row->notifiable_id]);
        $this->assertNull($row->read_at);
        $found = $this->user->notifications->first();
        $this->assertSame([$row->id, 'Paid'], [$found->id, $found->data['title']]);
        $this->assertTrue($found->notifiable->is($this->user));
        $message = $this->bell->messages((string) $this->user->id)['messages'][0];
        $this->assertSame(['Paid', '茶 "and" </b>', '/invoices/7', 'InvoicePaid'],
            [$message['title'], $message['body'], $message['url'], $message['category']]);
        $this->assertSame(1, $message['extra']['z']);
        $this->assertCounts(1, 1);
    }

    /**
     * @dataProvider contents
     */
    public function testWhatTheBellShows(array $data, string $title, string $body, ?string $url): void
    {
        $this->user->notify(new InvoicePaid($data));
        $message = $this->bell->messages((string) $this->user->id)['messages'][0];
        $this->assertSame([$title, $body, $url], [$message['title'], $message['body'], $message['url']]);
        $this->assertSame(json_encode($data), $this->user->notifications()->toBase()->value('data'));
    }

    public function contents(): iterable
    {
        yield 'no words at all' => [[], 'Invoice Paid', '', null];
        yield 'numbers alone' => [['invoice_id' => 7], 'Invoice Paid', '', null];
        yield 'a sentence alone' => [['message' => 'Your invoice is paid', 'action_url' => 'https://example.org/7'], 'Your invoice is paid', '', 'https://example.org/7'];
        yield 'subject and body' => [['subject' => 'Paid', 'body' => 'By card'], 'Paid', 'By card', null];
        yield 'a link that is none' => [['title' => 'Paid', 'url' => 'javascript:alert(1)'], 'Paid', '', null];
        yield 'lines in a title' => [['title' => "Paid\nby card"], 'Paid by card', '', null];
        yield 'a long title' => [['title' => str_repeat('é', 300)], str_repeat('é', 255), '', null];
        yield 'a long message' => [['message' => str_repeat('é', 300)], 'Invoice Paid', str_repeat('é', 300), null];
        yield 'what jsonb does not take' => [['title' => 'Paid', 'zero' => "a\0b"], 'Invoice Paid', '', null];
        yield 'more than extra takes' => [['title' => 'Paid', 'rest' => str_repeat('x', 100000)], 'Paid', '', null];
    }

    public function testANotificationIsMarkedReadAndUnread(): void
    {
        $this->user->notify(new InvoicePaid(['n' => 1]));
        $this->user->notify(new InvoicePaid(['n' => 2]));
        $notification = $this->user->unreadNotifications->first();
        $this->assertTrue($notification->unread());
        $notification->markAsRead();
        $this->assertTrue($notification->fresh()->read());
        $this->assertEquals($notification->read_at, $notification->fresh()->read_at);
        $this->assertCounts(1, 2);
        DatabaseNotification::find($notification->id)->markAsUnread();
        $this->assertNull($notification->fresh()->read_at);
        $this->assertCounts(2, 2);
    }

    public function testCollectionsAreMarked(): void
    {
        foreach ([1, 2, 3] as $n) {
            $this->user->notify(new InvoicePaid(['n' => $n]));
        }
        $this->assertInstanceOf(DatabaseNotificationCollection::class, $this->user->notifications);
        $this->user->unreadNotifications->markAsRead();
        $this->assertCounts(0, 3);
        $this->user->notifications()->get()->markAsUnread();
        $this->assertCounts(3, 3);
    }

    public function testManyAreMarkedAndDeletedByOneStatement(): void
    {
        $other = Member::create(['name' => 'Bob']);
        $other->notify(new InvoicePaid(['n' => 0]));
        foreach ([1, 2, 3] as $n) {
            $this->user->notify(new InvoicePaid(['n' => $n]));
        }
        $this->send('By Doorbell');
        $this->assertSame(4, $this->user->unreadNotifications()->update(['read_at' => now()]));
        $this->assertCounts(0, 4);
        $this->assertSame(4, $this->user->readNotifications()->update(['read_at' => null]));
        $this->assertCounts(4, 4);
        $this->assertSame(1, $this->user->notifications()->where('data->n', 2)->delete());
        $this->assertCounts(3, 3);
        $this->assertSame(3, $this->user->notifications()->delete());
        $this->assertCounts(0, 0);
        $this->assertSame(1, $other->unreadNotifications()->count());
        $this->assertSame(0, $this->user->notifications()->delete());
    }

    public function testOneIsDeleted(): void
    {
        $this->user->notify(new InvoicePaid(['n' => 1]));
        $notification = $this->user->notifications->first();
        $this->assertTrue($notification->delete());
        $this->assertNull(DatabaseNotification::find($notification->id));
        $this->assertCounts(0, 0);
    }

    public function testWhatDoorbellSendsIsANotification(): void
    {
        $this->send('A title', ['body' => 'A text', 'url' => '/x', 'sender' => 'Shop', 'category' => 'news', 'extra' => ['order' => 7]]);
        $found = $this->user->notifications->first();
        $this->assertSame('doorbell', $found->type);
        $this->assertSame(['title' => 'A title', 'body' => 'A text', 'url' => '/x', 'category' => 'news', 'sender' => 'Shop', 'extra' => ['order' => 7]], $found->data);
        $this->assertSame($found->id, $this->user->fresh()->notifications->first()->id);
        $found->markAsRead();
        $this->assertCounts(0, 1);
    }

    public function testAMessageToAllIsEachUsersOwn(): void
    {
        $other = Member::create(['name' => 'Bob']);
        $this->assertCounts(0, 0);
        $this->bell->send_to_all('To all');
        $this->assertCounts(1, 1);
        $mine = $this->user->notifications->first();
        $theirs = $other->notifications->first();
        $this->assertNotSame($mine->id, $theirs->id);
        $mine->markAsRead();
        $this->assertTrue($mine->fresh()->read());
        $this->assertTrue($theirs->fresh()->unread());
        $mine->delete();
        $this->assertCounts(0, 0);
        $this->assertTrue($theirs->fresh()->unread());
    }

    public function testEverybodyIsNotifiedByOneRow(): void
    {
        $this->assertCounts(0, 0);
        Notifications::send(new Everybody(), new InvoicePaid(['title' => 'Maintenance', 'z' => 1, 'a' => 2]));
        $count = $this->app['db']->connection('owner')->table('doorbell.message')->where('title', 'Maintenance')->count();
        $this->assertSame(1, $count);
        $found = $this->user->notifications->first();
        $this->assertSame([InvoicePaid::class, '{"title":"Maintenance","z":1,"a":2}'], [$found->type, $found->getRawOriginal('data')]);
        $this->assertCounts(1, 1);
    }

    public function testWhatTheBellDoesIsSeen(): void
    {
        $this->user->notify(new InvoicePaid(['title' => 'One']));
        $id = $this->send('Two');
        $this->bell->mark_read((string) $this->user->id, $id);
        $this->assertCounts(1, 2);
        $read = $this->user->readNotifications->first();
        $this->assertSame('Two', $read->data['title']);
        $this->assertEquals($read->created_at, $read->read_at);
        $this->bell->recall($id);
        $this->assertCounts(1, 1);
    }

    public function testPagesAndLimitsAndEagerLoadingAndCounts(): void
    {
        foreach (range(1, 7) as $n) {
            $this->user->notify(new InvoicePaid(['n' => $n]));
        }
        $page = $this->user->notifications()->paginate(3);
        $this->assertSame([7, 3], [$page->total(), $page->count()]);
        $this->assertCount(2, $this->user->unreadNotifications()->take(2)->get());
        $loaded = Member::with('notifications')->whereKey($this->user->id)->first();
        $this->assertCount(7, $loaded->notifications);
        $counted = Member::withCount('unreadNotifications')->whereKey($this->user->id)->first();
        $this->assertSame(7, $counted->unread_notifications_count);
        $this->assertTrue(Member::whereHas('notifications')->whereKey($this->user->id)->exists());
    }

    public function testATransactionThatIsRolledBackSendsNothing(): void
    {
        $this->app['db']->beginTransaction();
        $this->user->notify(new InvoicePaid(['n' => 1]));
        $this->assertSame(1, $this->user->unreadNotifications()->count());
        $this->app['db']->rollBack();
        $this->assertCounts(0, 0);
    }

    public function testARepeatedInsertIsStoredOnce(): void
    {
        $notification = new InvoicePaid(['n' => 1]);
        $notification->id = (string) Illuminate\Support\Str::uuid();
        $channel = $this->app->make(Illuminate\Notifications\Channels\DatabaseChannel::class);
        $channel->send($this->user, $notification);
        $channel->send($this->user, $notification);
        $this->assertCounts(1, 1);
        $notification->data = ['n' => 2];
        $this->expectException(QueryException::class);
        $this->expectExceptionMessage('this key was used for another content');
        $channel->send($this->user, $notification);
    }

    public function testTimesAreThoseOfTheApplication(): void
    {
        Carbon::setTestNow('2026-02-03 04:05:06');
        try {
            $this->user->notify(new InvoicePaid(['n' => 1]));
            $found = $this->user->notifications->first();
            $this->assertSame('2026-02-03 04:05:06', (string) $found->created_at);
            Carbon::setTestNow('2026-02-04 00:00:00');
            $found->markAsRead();
            $this->assertSame('2026-02-04 00:00:00', (string) $found->fresh()->read_at);
        } finally {
            Carbon::setTestNow();
        }
        $this->send('By Doorbell');
        $this->assertLessThan(60, abs(now()->diffInSeconds($this->user->unreadNotifications->first()->created_at)));
    }

    public function testWhatIsReadAtOnceIsStoredRead(): void
    {
        $this->user->notifications()->create(['id' => (string) Illuminate\Support\Str::uuid(), 'type' => 'x', 'data' => [], 'read_at' => now()]);
        $this->assertCounts(0, 1);
    }

    public function testASentNotificationCannotBeRewritten(): void
    {
        $this->user->notify(new InvoicePaid(['n' => 1]));
        $this->expectException(QueryException::class);
        $this->expectExceptionMessage('can only be marked read or unread: delete it and send another one');
        $this->user->notifications->first()->update(['data' => ['n' => 2]]);
    }

    public function testOtherModelsAreToldWhereToGo(): void
    {
        $guest = Guest::find($this->user->id);
        $this->assertSame(0, $guest->notifications()->count());
        $this->expectException(QueryException::class);
        $this->expectExceptionMessage('the notifications of Guest are not in Doorbell, only those of Member');
        $guest->notify(new InvoicePaid(['n' => 1]));
    }

    public function testInstallingSaysWhatIsMissing(): void
    {
        $owner = $this->app['db']->connection('owner');
        $owner->unprepared('CREATE SCHEMA IF NOT EXISTS taken; CREATE TABLE IF NOT EXISTS taken.notifications (id integer)');
        try {
            $this->artisan(InstallCommand::class, ['--database' => 'owner', '--schema' => 'taken']);
            $this->fail('installed over a table');
        } catch (QueryException $error) {
            $this->assertStringContainsString('there is a table taken.notifications already: rename it', $error->getMessage());
        }
        $this->app['config']['doorbell.notifiable'] = null;
        [$status, $said] = $this->artisan(InstallCommand::class);
        $this->assertSame(1, $status);
        $this->assertStringContainsString('set DOORBELL_NOTIFIABLE', $said);
    }
}

<?php
// This file is part of Moodle - https://moodle.org/
//
// Moodle is free software: you can redistribute it and/or modify
// it under the terms of the GNU General Public License as published by
// the Free Software Foundation, either version 3 of the License, or
// (at your option) any later version.
//
// Moodle is distributed in the hope that it will be useful,
// but WITHOUT ANY WARRANTY; without even the implied warranty of
// MERCHANTABILITY or FITNESS FOR A PARTICULAR PURPOSE.  See the
// GNU General Public License for more details.
//
// You should have received a copy of the GNU General Public License
// along with Moodle.  If not, see <https://www.gnu.org/licenses/>.

namespace local_muster\task;

use core\task\adhoc_task;
use core\task\manager;
use local_muster\client;
use local_muster\signing;
use moodle_exception;

/**
 * Tells Muster what changed. What Muster does not take waits: the next scheduled task sends it again.
 *
 * @package    local_muster
 * @copyright  2026 The authors of Muster
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
class send extends adhoc_task {
    /** @var int Ids in one message. */
    const TOGETHER = 200;
    /** @var int Seconds after which a change that nobody took is forgotten: Muster compares everything every day. */
    const FORGOTTEN = 2 * DAYSECS;

    /**
     * Have what is noted told by the next run of cron. A task that has begun may have read its last row, and one that broke
     * off waits long or for ever: neither counts.
     */
    public static function queue(): void {
        global $DB;

        $ready = 'classname = ? AND timestarted IS NULL AND nextruntime <= ? AND COALESCE(attemptsavailable, 1) > 0';
        if (!$DB->record_exists_select('task_adhoc', $ready, ['\\' . self::class, time()])) {
            manager::queue_adhoc_task(new self());
        }
    }

    #[\Override]
    protected function get_default_concurrency_limit(): int {
        return 1;
    }

    #[\Override]
    public function get_name() {
        return get_string('send', 'local_muster');
    }

    #[\Override]
    public function execute() {
        global $DB;

        $hooks = get_config('local_muster', 'hooks');
        $secret = get_config('local_muster', 'secret');
        if (!$hooks || !$secret) {
            $DB->delete_records('local_muster_queue');
            return;
        }
        try {
            $this->tell_all($hooks, $secret);
        } catch (moodle_exception $exception) {
            // Not a failure of the task: Moodle would try again ever later, and after twelve times never, not even for what is new.
            mtrace($exception->getMessage());
            $DB->delete_records_select('local_muster_queue', 'timecreated < ?', [time() - self::FORGOTTEN]);
        }
    }

    /**
     * Everything that is queued.
     *
     * @param string $hooks where to
     * @param string $secret that signs it
     * @throws moodle_exception where Muster does not take it
     */
    private function tell_all(string $hooks, string $secret): void {
        global $DB;

        while ($rows = $DB->get_records('local_muster_queue', null, 'id', '*', 0, 2000)) {
            $bykind = [];
            foreach ($rows as $row) {
                $bykind[$row->kind][$row->ident][] = (int) $row->id;
            }
            foreach ($bykind as $kind => $idents) {
                foreach (array_chunk($idents, self::TOGETHER, true) as $some) {
                    $this->tell($hooks, $secret, $kind, $some);
                }
            }
        }
    }

    /**
     * One message; what it was about is forgotten once it is taken.
     *
     * @param string $hooks where to
     * @param string $secret that signs it
     * @param string $kind of hint
     * @param array $some ids of rows by what they name
     */
    private function tell(string $hooks, string $secret, string $kind, array $some): void {
        global $DB;

        $ids = array_map('strval', array_keys($some));
        $rows = array_merge(...array_values($some));
        $body = json_encode([
            'type' => $kind,
            'timestamp' => gmdate('Y-m-d\TH:i:s\Z'),
            'data' => $kind === 'host.resync' ? new \stdClass() : ['ids' => $ids],
        ]);
        $id = 'msg_moodle_' . hash('sha256', implode(',', $rows) . get_site_identifier());
        [$status] = client::call($hooks, $body, signing::headers($secret, $id, $body));
        if ($status >= 500 || in_array($status, [401, 403, 408, 425, 429])) {
            throw new moodle_exception('unreachable', 'local_muster', '', "HTTP $status");
        }
        $DB->delete_records_list('local_muster_queue', 'id', $rows);
    }
}

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

namespace local_muster;

use core\event\base;

/**
 * Notes what changed; a task tells Muster, so that no page waits for it.
 *
 * @package    local_muster
 * @copyright  2026 The authors of Muster
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
class observer {
    /** @var array Of each event the kind of hint, and which of its fields name the record. */
    const EVENTS = [
        '\core\event\user_created' => ['person.changed', ['objectid']],
        '\core\event\user_updated' => ['person.changed', ['objectid']],
        '\core\event\user_deleted' => ['person.changed', ['objectid']],
        '\core\event\user_info_field_deleted' => ['host.resync', []],
        '\core\event\user_info_field_updated' => ['host.resync', []],
        '\core\event\cohort_created' => ['audience.changed', ['objectid']],
        '\core\event\cohort_updated' => ['audience.changed', ['objectid']],
        '\core\event\cohort_deleted' => ['audience.changed', ['objectid']],
        '\core\event\cohort_member_added' => ['member.changed', ['objectid', 'relateduserid']],
        '\core\event\cohort_member_removed' => ['member.changed', ['objectid', 'relateduserid']],
        '\core\event\course_created' => ['course.changed', ['objectid']],
        '\core\event\course_updated' => ['course.changed', ['objectid']],
        '\core\event\course_deleted' => ['course.changed', ['objectid']],
        '\core\event\course_restored' => ['course.changed', ['objectid']],
        '\core\event\course_completion_updated' => ['course.changed', ['courseid']],
        '\core\event\enrol_instance_created' => ['course.changed', ['courseid']],
        '\core\event\enrol_instance_updated' => ['course.changed', ['courseid']],
        '\core\event\enrol_instance_deleted' => ['course.changed', ['courseid']],
        '\core\event\course_completed' => ['completion.changed', ['relateduserid', 'courseid']],
        '\core\event\user_enrolment_created' => ['enrolment.changed', ['courseid', 'relateduserid']],
        '\core\event\user_enrolment_updated' => ['enrolment.changed', ['courseid', 'relateduserid']],
        '\core\event\user_enrolment_deleted' => ['enrolment.changed', ['courseid', 'relateduserid']],
    ];

    /**
     * Note one event.
     *
     * @param base $event what happened
     */
    public static function note(base $event): void {
        global $DB;

        if (!get_config('local_muster', 'hooks')) {
            return;
        }
        [$kind, $fields] = self::EVENTS[$event->eventname] ?? ['', []];
        $ident = implode(':', array_map(fn(string $field): string => (string) $event->$field, $fields));
        if ($kind === '') {
            return;
        }
        $note = ['kind' => $kind, 'ident' => $ident];
        if ($kind === 'enrolment.changed' && self::is_own($event)) {
            return; // What Muster wrote itself it knows.
        }
        $DB->insert_record('local_muster_queue', (object) ($note + ['timecreated' => time()]));
        if ($kind === 'person.changed') {
            $DB->insert_record('local_muster_queue', (object) [
                'kind' => 'job.changed', 'ident' => "p:$ident", 'timecreated' => time(),
            ]);
        }
        task\send::queue();
    }

    /**
     * Whether Muster's own account did this.
     *
     * @param base $event what happened
     * @return bool
     */
    private static function is_own(base $event): bool {
        global $USER;
        return ($USER->username ?? '') === 'muster';
    }
}

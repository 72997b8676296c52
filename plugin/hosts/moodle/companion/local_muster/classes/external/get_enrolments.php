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

namespace local_muster\external;

use context_course;
use core_external\external_api;
use core_external\external_function_parameters;
use core_external\external_single_structure;
use core_external\external_value;
use local_muster\packed;

/**
 * Everybody enrolled in a course, however.
 *
 * @package    local_muster
 * @copyright  2026 The authors of Muster
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
class get_enrolments extends external_api {
    /**
     * Parameters.
     *
     * @return external_function_parameters
     */
    public static function execute_parameters(): external_function_parameters {
        return new external_function_parameters([
            'courseid' => new external_value(PARAM_INT, 'Course'),
            'after' => new external_value(PARAM_INT, 'Only enrolments with ids above this', VALUE_DEFAULT, 0),
            'limit' => new external_value(PARAM_INT, 'How many at most', VALUE_DEFAULT, 10000),
        ]);
    }

    /**
     * The enrolments.
     *
     * @param int $courseid course
     * @param int $after only enrolments with ids above this
     * @param int $limit how many at most
     * @return array
     */
    public static function execute(int $courseid, int $after = 0, int $limit = 10000): array {
        global $DB;

        $asked = self::validate_parameters(self::execute_parameters(), compact('courseid', 'after', 'limit'));
        $context = context_course::instance($asked['courseid']);
        self::validate_context($context);
        require_capability('moodle/course:enrolreview', $context);
        $found = $DB->get_recordset_sql(
            'SELECT ue.id, ue.userid, e.enrol, ue.status, e.status AS closed, ue.timestart, ue.timeend
               FROM {user_enrolments} ue
               JOIN {enrol} e ON e.id = ue.enrolid
               JOIN {user} u ON u.id = ue.userid AND u.deleted = 0
              WHERE e.courseid = :course AND ue.id > :after ORDER BY ue.id',
            ['course' => $asked['courseid'], 'after' => $asked['after']],
            0,
            max(1, min(100000, $asked['limit']))
        );
        $now = time();
        $rows = [];
        foreach ($found as $row) {
            $active = $row->status == ENROL_USER_ACTIVE && $row->closed == ENROL_INSTANCE_ENABLED
                && $row->timestart <= $now && ($row->timeend == 0 || $row->timeend > $now);
            $rows[] = [(int) $row->id, (int) $row->userid, $row->enrol, $active];
        }
        $found->close();
        return packed::rows(['id', 'userid', 'method', 'active'], $rows);
    }

    /**
     * What comes back.
     *
     * @return external_single_structure
     */
    public static function execute_returns(): external_single_structure {
        return packed::structure();
    }
}

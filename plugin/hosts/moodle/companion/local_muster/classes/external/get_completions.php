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

use context_system;
use core_external\external_api;
use core_external\external_function_parameters;
use core_external\external_single_structure;
use core_external\external_value;
use local_muster\packed;

/**
 * Completions of courses.
 *
 * @package    local_muster
 * @copyright  2026 The authors of Muster
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
class get_completions extends external_api {
    /**
     * Parameters.
     *
     * @return external_function_parameters
     */
    public static function execute_parameters(): external_function_parameters {
        return new external_function_parameters([
            'after' => new external_value(PARAM_INT, 'Only those with ids above this', VALUE_DEFAULT, 0),
            'limit' => new external_value(PARAM_INT, 'How many at most', VALUE_DEFAULT, 5000),
            'since' => new external_value(PARAM_INT, 'Only those completed at or after', VALUE_DEFAULT, 0),
            'userid' => new external_value(PARAM_INT, 'Only of this user', VALUE_DEFAULT, 0),
        ]);
    }

    /**
     * The completions.
     *
     * @param int $after only those with ids above this
     * @param int $limit how many at most
     * @param int $since only those completed at or after
     * @param int $userid only of this user
     * @return array
     */
    public static function execute(int $after = 0, int $limit = 5000, int $since = 0, int $userid = 0): array {
        global $DB;

        $asked = self::validate_parameters(self::execute_parameters(), compact('after', 'limit', 'since', 'userid'));
        $context = context_system::instance();
        self::validate_context($context);
        require_capability('report/completion:view', $context);
        $where = 'id > :after AND timecompleted > 0 AND timecompleted >= :since';
        if ($asked['userid']) {
            $where .= ' AND userid = :userid';
        }
        $found = $DB->get_recordset_select(
            'course_completions',
            $where,
            $asked,
            'id',
            'id, userid, course, timecompleted',
            0,
            max(1, min(100000, $asked['limit']))
        );
        $rows = [];
        foreach ($found as $row) {
            $rows[] = [(int) $row->id, (int) $row->userid, (int) $row->course, (int) $row->timecompleted];
        }
        $found->close();
        return packed::rows(['id', 'userid', 'courseid', 'timecompleted'], $rows);
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

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
use core_external\external_multiple_structure;
use core_external\external_single_structure;
use core_external\external_value;

/**
 * Suspends manual enrolments, or makes them active again.
 *
 * @package    local_muster
 * @copyright  2026 The authors of Muster
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
class set_enrolments extends external_api {
    /**
     * Parameters.
     *
     * @return external_function_parameters
     */
    public static function execute_parameters(): external_function_parameters {
        return new external_function_parameters([
            'enrolments' => new external_multiple_structure(new external_single_structure([
                'userid' => new external_value(PARAM_INT, 'User'),
                'courseid' => new external_value(PARAM_INT, 'Course'),
                'suspend' => new external_value(PARAM_BOOL, 'Whether to suspend'),
            ])),
        ]);
    }

    /**
     * Change what is there; who is not enrolled by hand stays as she is. Each stands alone: one that fails costs no other.
     *
     * @param array $enrolments what to change
     * @return array
     */
    public static function execute(array $enrolments): array {
        global $CFG, $DB;
        require_once($CFG->libdir . '/enrollib.php');

        $asked = self::validate_parameters(self::execute_parameters(), compact('enrolments'));
        $plugin = enrol_get_plugin('manual');
        $found = [];
        foreach ($asked['enrolments'] as $one) {
            $said = ['userid' => $one['userid'], 'courseid' => $one['courseid'], 'outcome' => 'absent', 'why' => ''];
            try {
                $context = context_course::instance($one['courseid']);
                self::validate_context($context);
                require_capability('enrol/manual:enrol', $context);
                $instances = $DB->get_records('enrol', ['courseid' => $one['courseid'], 'enrol' => 'manual'], 'sortorder, id');
                foreach ($instances as $instance) {
                    $there = ['enrolid' => $instance->id, 'userid' => $one['userid']];
                    if ($plugin && $DB->record_exists('user_enrolments', $there)) {
                        $status = $one['suspend'] ? ENROL_USER_SUSPENDED : ENROL_USER_ACTIVE;
                        $plugin->update_user_enrol($instance, $one['userid'], $status, 0, 0);
                        $said['outcome'] = 'done';
                    }
                }
            } catch (\moodle_exception $exception) {
                $said['outcome'] = 'refused';
                $said['why'] = $exception->getMessage();
            }
            $found[] = $said;
        }
        return ['outcomes' => $found];
    }

    /**
     * What comes back.
     *
     * @return external_single_structure
     */
    public static function execute_returns(): external_single_structure {
        return new external_single_structure([
            'outcomes' => new external_multiple_structure(new external_single_structure([
                'userid' => new external_value(PARAM_INT, 'User'),
                'courseid' => new external_value(PARAM_INT, 'Course'),
                'outcome' => new external_value(PARAM_ALPHA, 'done, absent or refused'),
                'why' => new external_value(PARAM_RAW, 'Why it was refused'),
            ])),
        ]);
    }
}

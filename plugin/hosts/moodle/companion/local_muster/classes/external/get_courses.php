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
use core_external\external_multiple_structure;
use core_external\external_single_structure;
use core_external\external_value;

/**
 * What courses say of completion and of welcome messages.
 *
 * @package    local_muster
 * @copyright  2026 The authors of Muster
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
class get_courses extends external_api {
    /**
     * Parameters.
     *
     * @return external_function_parameters
     */
    public static function execute_parameters(): external_function_parameters {
        return new external_function_parameters([]);
    }

    /**
     * The courses.
     *
     * @return array
     */
    public static function execute(): array {
        global $DB;

        self::validate_parameters(self::execute_parameters(), []);
        $context = context_system::instance();
        self::validate_context($context);
        require_capability('moodle/course:viewhiddencourses', $context);
        $criteria = $DB->get_fieldset_sql('SELECT DISTINCT course FROM {course_completion_criteria}');
        $welcome = $DB->get_fieldset_select(
            'enrol',
            'DISTINCT courseid',
            'enrol = :manual AND status = :enabled AND customint1 > 0',
            ['manual' => 'manual', 'enabled' => ENROL_INSTANCE_ENABLED]
        );
        [$criteria, $welcome] = [array_flip($criteria), array_flip($welcome)];
        $found = [];
        foreach ($DB->get_fieldset_select('course', 'id', 'id <> :site ORDER BY id', ['site' => SITEID]) as $id) {
            $found[] = ['id' => $id, 'criteria' => isset($criteria[$id]), 'welcome' => isset($welcome[$id])];
        }
        return ['courses' => $found];
    }

    /**
     * What comes back.
     *
     * @return external_single_structure
     */
    public static function execute_returns(): external_single_structure {
        return new external_single_structure([
            'courses' => new external_multiple_structure(new external_single_structure([
                'id' => new external_value(PARAM_INT, 'Course'),
                'criteria' => new external_value(PARAM_BOOL, 'Whether anything is set that completes it'),
                'welcome' => new external_value(PARAM_BOOL, 'Whether manual enrolments are greeted'),
            ])),
        ]);
    }
}

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

/**
 * What Moodle's own web services lack: many records at once.
 *
 * @package    local_muster
 * @copyright  2026 The authors of Muster
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */

defined('MOODLE_INTERNAL') || die();

$functions = [
    'local_muster_get_users' => [
        'classname' => \local_muster\external\get_users::class,
        'description' => 'Users with their profile fields, page by page, or those that changed since',
        'type' => 'read',
        'capabilities' => 'moodle/user:viewalldetails',
    ],
    'local_muster_get_enrolments' => [
        'classname' => \local_muster\external\get_enrolments::class,
        'description' => 'Enrolments of a course with their method and state',
        'type' => 'read',
        'capabilities' => 'moodle/course:enrolreview',
    ],
    'local_muster_get_completions' => [
        'classname' => \local_muster\external\get_completions::class,
        'description' => 'Completions of courses, page by page, or those since',
        'type' => 'read',
        'capabilities' => 'report/completion:view',
    ],
    'local_muster_get_courses' => [
        'classname' => \local_muster\external\get_courses::class,
        'description' => 'Which courses can be completed, and which greet whom is enrolled',
        'type' => 'read',
        'capabilities' => 'moodle/course:viewhiddencourses',
    ],
    'local_muster_set_enrolments' => [
        'classname' => \local_muster\external\set_enrolments::class,
        'description' => 'Suspends manual enrolments or makes them active again, without a welcome message',
        'type' => 'write',
        'capabilities' => 'enrol/manual:enrol',
    ],
    'local_muster_send_messages' => [
        'classname' => \local_muster\external\send_messages::class,
        'description' => 'Tells people something as notifications of Muster, each once',
        'type' => 'write',
        'capabilities' => 'moodle/site:sendmessage',
    ],
];

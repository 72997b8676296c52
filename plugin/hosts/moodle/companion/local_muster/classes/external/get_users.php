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
 * Many users with their profile fields.
 *
 * @package    local_muster
 * @copyright  2026 The authors of Muster
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
class get_users extends external_api {
    /** @var string[] Fields of a user. */
    const FIELDS = [
        'id', 'username', 'firstname', 'lastname', 'email', 'idnumber', 'department', 'institution', 'city', 'country',
        'suspended', 'lang', 'timezone', 'firstaccess',
    ];
    /** @var string[] Those of them that are numbers. */
    const NUMBERS = ['id', 'suspended', 'firstaccess'];
    /** @var int Users below which each is named. */
    const FEW = 500;

    /**
     * Parameters.
     *
     * @return external_function_parameters
     */
    public static function execute_parameters(): external_function_parameters {
        return new external_function_parameters([
            'after' => new external_value(PARAM_INT, 'Only ids above this', VALUE_DEFAULT, 0),
            'limit' => new external_value(PARAM_INT, 'How many at most', VALUE_DEFAULT, 1000),
            'since' => new external_value(PARAM_INT, 'Only those changed at or after', VALUE_DEFAULT, 0),
        ]);
    }

    /**
     * The users.
     *
     * @param int $after only ids above this
     * @param int $limit how many at most
     * @param int $since only those changed at or after
     * @return array
     */
    public static function execute(int $after = 0, int $limit = 1000, int $since = 0): array {
        global $DB;

        $asked = self::validate_parameters(self::execute_parameters(), compact('after', 'limit', 'since'));
        $context = context_system::instance();
        self::validate_context($context);
        foreach (['moodle/user:viewalldetails', 'moodle/user:viewhiddendetails', 'moodle/site:viewuseridentity'] as $right) {
            require_capability($right, $context);
        }
        $names = \core_user\fields::get_name_fields();
        $fields = array_unique([...self::FIELDS, ...$names]);
        $users = $DB->get_records_select(
            'user',
            'id > :after AND deleted = 0 AND timemodified >= :since AND username <> :guest',
            ['after' => $asked['after'], 'since' => $asked['since'], 'guest' => 'guest'],
            'id',
            implode(',', $fields),
            0,
            max(1, min(20000, $asked['limit']))
        );
        $custom = self::custom(array_keys($users));
        $rows = [];
        foreach ($users as $user) {
            $row = [fullname($user), (object) ($custom[$user->id] ?? [])];
            foreach (self::FIELDS as $field) {
                $row[] = in_array($field, self::NUMBERS) ? (int) $user->$field : $user->$field;
            }
            $rows[] = $row;
        }
        return packed::rows(['fullname', 'custom', ...self::FIELDS], $rows);
    }

    /**
     * Profile fields that somebody has a value in, as text.
     *
     * @param int[] $users ids
     * @return array values by short name, by user
     */
    private static function custom(array $users): array {
        global $DB;

        if (!$users) {
            return [];
        }
        [$which, $params] = count($users) < self::FEW
            ? $DB->get_in_or_equal($users)
            : ['BETWEEN ? AND ?', [min($users), max($users)]];
        $rows = $DB->get_recordset_sql(
            "SELECT d.userid, f.shortname, d.data
               FROM {user_info_data} d JOIN {user_info_field} f ON f.id = d.fieldid
              WHERE d.userid $which",
            $params
        );
        $found = [];
        foreach ($rows as $row) {
            if ((string) $row->data !== '') {
                $found[$row->userid][$row->shortname] = (string) $row->data;
            }
        }
        $rows->close();
        return $found;
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

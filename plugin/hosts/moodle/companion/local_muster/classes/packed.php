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

use core_external\external_single_structure;
use core_external\external_value;

/**
 * Many rows as one text: Moodle checks each value that a function returns, which takes most of the time where there are thousands.
 *
 * @package    local_muster
 * @copyright  2026 The authors of Muster
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
class packed {
    /**
     * What a function returns.
     *
     * @param string[] $fields what stands in each row, in this order
     * @param array $rows lists of values
     * @return array
     */
    public static function rows(array $fields, array $rows): array {
        $options = JSON_UNESCAPED_SLASHES | JSON_UNESCAPED_UNICODE | JSON_INVALID_UTF8_SUBSTITUTE | JSON_THROW_ON_ERROR;
        return ['fields' => implode(',', $fields), 'rows' => json_encode($rows, $options)];
    }

    /**
     * How that is described.
     *
     * @return external_single_structure
     */
    public static function structure(): external_single_structure {
        return new external_single_structure([
            'fields' => new external_value(PARAM_RAW, 'Names of what stands in a row, with commas between them'),
            'rows' => new external_value(PARAM_RAW, 'The rows as JSON, each a list of values in that order'),
        ]);
    }
}

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

use curl;
use moodle_exception;

/**
 * Calls Muster.
 *
 * @package    local_muster
 * @copyright  2026 The authors of Muster
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
class client {
    /** @var int Seconds that one call may take. */
    const TIMEOUT = 15;

    /**
     * One call.
     *
     * @param string $address where to
     * @param string|null $body raw JSON to post; nothing: to get
     * @param string[] $headers as curl takes them
     * @param int $seconds that it may take
     * @return array status, headers by name in lower case, body
     * @throws moodle_exception where nobody answers
     */
    public static function call(
        string $address,
        ?string $body = null,
        array $headers = [],
        int $seconds = self::TIMEOUT
    ): array {
        global $CFG;
        require_once($CFG->libdir . '/filelib.php');

        $found = [];
        $curl = new curl();
        $curl->setHeader($headers);
        $options = [
            'CURLOPT_CONNECTTIMEOUT' => min(5, $seconds),
            'CURLOPT_TIMEOUT' => $seconds,
            'CURLOPT_FOLLOWLOCATION' => false,
        ];
        $answer = $body === null ? $curl->get($address, [], $options) : $curl->post($address, $body, $options);
        $info = $curl->get_info();
        $status = (int) ($info['http_code'] ?? 0);
        if ($curl->get_errno() || !$status) {
            throw new moodle_exception('unreachable', 'local_muster', '', is_string($answer) ? $answer : $curl->error);
        }
        foreach ($curl->getResponse() as $name => $value) {
            $found[strtolower($name)] = is_array($value) ? end($value) : $value;
        }
        return [$status, $found, (string) $answer];
    }
}

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

use cache;

/**
 * What somebody has to complete, and by when, as Muster says.
 *
 * @package    local_muster
 * @copyright  2026 The authors of Muster
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
class due {
    /** @var int Seconds that Muster has to answer. */
    const TIMEOUT = 5;

    /**
     * Her certifications, what comes next first.
     *
     * @param int $userid whose
     * @param string $language of the words
     * @return array|null of name, words, state, late, kind and date; nothing where Muster is not connected or does not answer
     */
    public static function of(int $userid, string $language): ?array {
        [$address, $secret] = [get_config('local_muster', 'due'), get_config('local_muster', 'secret')];
        if (!$address || !$secret) {
            return null;
        }
        $cache = cache::make('local_muster', 'due');
        $key = $userid . '_' . clean_param($language, PARAM_ALPHANUM);
        $found = $cache->get($key);
        if ($found === false) {
            $found = self::ask($address, $secret, $userid, $language);
            if ($found !== null) {
                $cache->set($key, $found);
            }
        }
        return $found;
    }

    /**
     * Ask Muster.
     *
     * @param string $address where
     * @param string $secret that signs the question
     * @param int $userid whose
     * @param string $language of the words
     * @return array|null
     */
    private static function ask(string $address, string $secret, int $userid, string $language): ?array {
        $body = json_encode(['person' => (string) $userid]);
        $headers = signing::headers($secret, 'msg_' . random_string(24), $body);
        $headers[] = 'Accept-Language: ' . str_replace('_', '-', $language);
        try {
            [$status, , $answer] = client::call($address, $body, $headers, self::TIMEOUT);
        } catch (\moodle_exception $exception) {
            debugging($exception->getMessage(), DEBUG_DEVELOPER);
            return null;
        }
        $said = json_decode($answer, true);
        return $status === 200 && is_array($said['certifications'] ?? null) ? $said['certifications'] : null;
    }
}

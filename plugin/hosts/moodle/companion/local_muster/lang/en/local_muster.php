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
 * Texts in English.
 *
 * @package    local_muster
 * @copyright  2026 The authors of Muster
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */

defined('MOODLE_INTERNAL') || die();

$string['address'] = 'Address of Muster';
$string['address_help'] = 'As in the browser, for example https://muster.example.org';
$string['answernotsigned'] = 'What answered at this address does not know the code. Check both.';
$string['blocked'] = 'Moodle blocks the address {$a}. Take it, or the range that it falls under, out of “cURL blocked hosts list” (Site administration › General › Security › HTTP security), and connect again.';
$string['cachedef_due'] = 'What somebody has to complete, as Muster says';
$string['certifications'] = 'Certifications';
$string['checklist'] = 'Test the connection in Muster';
$string['code'] = 'One-time code';
$string['code_help'] = 'Muster shows it under Hosts › Connect a learning site › Moodle. It works once, for an hour.';
$string['completeservice'] = 'Bring the web service of Muster up to date';
$string['connect'] = 'Connect';
$string['connected'] = 'Connected to {$a}. Muster reads this site and enrols learners in it.';
$string['connectintro'] = 'Connecting makes a role, an account and a web service for Muster, registers Muster as an external tool, allows its address, and hands all of it over, signed.';
$string['connectionintro'] = 'This site is connected to {$a}. Connecting again replaces the token and the secret.';
$string['installed'] = 'Muster is installed. {$a}';
$string['installednext'] = 'Connect it now';
$string['invalidaddress'] = 'This is not an address that begins with https:// or http://.';
$string['messageprovider:certification'] = 'Certifications';
$string['muster:launch'] = 'Open Muster from the navigation';
$string['notconnected'] = 'Muster is not connected yet.';
$string['nottaken'] = 'Muster did not take the handover: {$a}';
$string['nottakenmessage'] = 'Moodle did not take this notification.';
$string['pluginname'] = 'Muster';
$string['privacy:metadata:message'] = 'Messages of Muster are sent as notifications.';
$string['privacy:metadata:muster'] = 'Muster is told which records changed, and reads what it needs of them through web services.';
$string['privacy:metadata:muster:ids'] = 'Ids of users, and of cohorts and courses that they entered or left.';
$string['privacy:metadata:queue'] = 'Ids of records that changed, until Muster has been told.';
$string['privacy:metadata:queue:ident'] = 'Id of the record.';
$string['privacy:metadata:queue:timecreated'] = 'When it changed.';
$string['roledescription'] = 'Reads people, cohorts, courses and completions, and enrols learners, for Muster.';
$string['rolename'] = 'Muster';
$string['send'] = 'Tell Muster what changed';
$string['sendwaiting'] = 'Tell Muster what still waits';
$string['servicename'] = 'Muster';
$string['unreachable'] = 'Muster does not answer at this address: {$a}';

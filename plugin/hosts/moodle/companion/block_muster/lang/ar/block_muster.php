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
 * Texts in Arabic.
 *
 * @package    block_muster
 * @copyright  2026 The authors of Muster
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */

defined('MOODLE_INTERNAL') || die();

$string['all'] = 'كل الشهادات';
$string['asking'] = 'جارٍ البحث عن شهاداتكم…';
$string['muster:addinstance'] = 'إضافة كتلة الشهادات';
$string['muster:myaddinstance'] = 'إضافة كتلة الشهادات إلى لوحة التحكم';
$string['nothing'] = 'ليست لديكم شهادات الآن.';
$string['pluginname'] = 'الشهادات';
$string['privacy:metadata'] = 'لا تحفظ الكتلة شيئًا: تعرض ما يقوله Muster.';
$string['unknown'] = 'لا يمكن عرض شهاداتكم الآن. حاولوا لاحقًا.';

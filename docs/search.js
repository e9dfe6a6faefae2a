// The site's search takes a query as plain text. In pasted errors and names, such as :ca-file, it
// would take colons, dashes and the like for operators, and find nothing or each part of a name.
var __search = {
  transform: query => query.replace(/(^|\s)[-+]+|[:()[\]{}"'`^~*,;\\]+/g, ' ').trim()
    .replace(/-/g, '\\-')
};

import { Controller, Get, Header, NotFoundException, Param } from '@nestjs/common';
import { pageFiles } from '../../client/chromium/page-files.js';

/** Serves the modules of the client to a page, below `/lib/`. */
@Controller('lib')
export class LibraryFilesController {
  @Get(':file')
  @Header('Content-Type', 'text/javascript')
  file(@Param('file') file: string): string {
    const found = pageFiles(`/lib/${file}`);
    if (!found) throw new NotFoundException();
    return found.text;
  }
}
